/**
 * The world of a client: time, random numbers and `fetch`. Tests replace them, so that they need
 * not wait.
 */
import type { Clock, Random } from '../base/env.ts';
import { systemClock, systemRandom } from '../base/system.ts';

/** A request, as the client passes it to `fetch`. */
export interface FetchInit {
  readonly method: string;
  readonly headers: Record<string, string>;
  readonly body?: Uint8Array<ArrayBuffer>;
  readonly signal: AbortSignal;
}

/** The parts of a response that the client uses. */
export interface FetchResponse {
  readonly status: number;
  readonly headers: {
    get(name: string): string | null;
    forEach(look: (value: string, name: string) => void): void;
  };
  arrayBuffer(): Promise<ArrayBuffer>;
}

/** All that a client needs from its platform. Node and browsers have it. */
export interface ClientWorld {
  readonly clock: Pick<Clock, 'monotonicMs' | 'wallMicros' | 'after'>;
  readonly random: Random;
  /** The part of `fetch` that the client uses. Rejects if there is no response. */
  readonly fetch: (url: string, init: FetchInit) => Promise<FetchResponse>;
}

/** The real world. */
export const systemWorld: ClientWorld = {
  clock: systemClock,
  random: systemRandom,
  // Without this option a browser caches a 300 forever, and a 200 with a date for a while. Node's
  // types do not have the option.
  fetch: (url, init) => fetch(url, { ...init, cache: 'no-store' } as RequestInit),
};
