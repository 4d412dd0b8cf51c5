/** The world as a client sees it: time, randomness, and `fetch`. Put others in their place to test without waiting. */
import type { Clock, Random } from '../base/env.ts';
import { systemClock, systemRandom } from '../base/system.ts';

/** A request as the client makes it. */
export interface FetchInit {
  readonly method: string;
  readonly headers: Record<string, string>;
  readonly body?: Uint8Array<ArrayBuffer>;
  readonly signal: AbortSignal;
}

/** What the client reads of a response. */
export interface FetchResponse {
  readonly status: number;
  readonly headers: {
    get(name: string): string | null;
    forEach(look: (value: string, name: string) => void): void;
  };
  arrayBuffer(): Promise<ArrayBuffer>;
}

/** All that a client needs of its surroundings; Node and browsers have it. */
export interface ClientWorld {
  readonly clock: Pick<Clock, 'monotonicMs' | 'wallMicros' | 'after'>;
  readonly random: Random;
  /** The part of `fetch` that the client uses; rejects where there is no response. */
  readonly fetch: (url: string, init: FetchInit) => Promise<FetchResponse>;
}

/** The real one. */
export const systemWorld: ClientWorld = {
  clock: systemClock,
  random: systemRandom,
  // A browser keeps a 300 for ever, and a 200 with a date for a while, unless told otherwise.
  // (Node's types do not know the option.)
  fetch: (url, init) => fetch(url, { ...init, cache: 'no-store' } as RequestInit),
};
