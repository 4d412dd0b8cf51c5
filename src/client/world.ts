/**
 * The world of a client: time, random numbers and `fetch`. Tests replace them, so that they need
 * not wait.
 */
import type { Clock, Random } from '../base/env.ts';
import { clientClock, systemRandom } from '../base/system.ts';

/** A request, as the client passes it to `fetch`. */
export interface FetchInit {
  readonly method: string;
  readonly headers: Record<string, string>;
  readonly body?: Uint8Array | undefined;
  readonly signal: AbortSignal;
  /**
   * A redirect is an answer of its own. If `fetch` followed it, another origin would get the value
   * and the token, and could answer in place of a node.
   */
  readonly redirect: 'manual';
}

/** The body of a response, read piece by piece. */
export interface BodyReader {
  read(): Promise<{ readonly done?: boolean; readonly value?: Uint8Array | undefined }>;
  /** Discards the rest. */
  cancel(): Promise<void>;
}

/** The parts of a response that the client uses. */
export interface FetchResponse {
  readonly status: number;
  readonly headers: {
    get(name: string): string | null;
    forEach(look: (value: string, name: string) => void): void;
  };
  /** Null if there is none. */
  readonly body: { getReader(): BodyReader } | null;
}

/** All that a client needs from its platform. Node and browsers have it. */
export interface ClientWorld {
  readonly clock: Omit<Clock, 'defer'>;
  readonly random: Random;
  /** The part of `fetch` that the client uses. Rejects if there is no response. */
  readonly fetch: (url: string, init: FetchInit) => Promise<FetchResponse>;
}

/** The real world. */
export const systemWorld: ClientWorld = {
  clock: clientClock,
  random: systemRandom,
  // Without `cache` a browser caches a 300 forever, and a 200 with a date for a while. Node's types
  // do not have that option.
  fetch: (url, init) => fetch(url, { ...init, cache: 'no-store' } as RequestInit),
};
