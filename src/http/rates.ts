/**
 * The requests of each identity: a number a second, by a token bucket, and a part of the places for
 * requests in progress. One tenant that sends too much must not take the node from the others.
 */
import type { Clock } from '../base/env.ts';
import { MecError } from '../base/errors.ts';
import { MAX_HTTP_IN_FLIGHT, MAX_RATED_IDENTITIES, SHARE_OF_IDENTITY } from './limits.ts';

/** The use of one identity. */
interface IdentityUse {
  /** Requests that it may send at once. */
  tokens: number;
  /** The time at which they were counted. */
  atMs: number;
  /** Requests in progress. */
  requests: number;
}

/** The use of all identities. */
export class Rates {
  readonly #clock: Pick<Clock, 'monotonicMs'>;
  readonly #perSecond: () => number;
  readonly #uses = new Map<string, IdentityUse>();

  /** `perSecond` returns the rate of the moment, which is also the largest burst. */
  constructor(clock: Pick<Clock, 'monotonicMs'>, perSecond: () => number) {
    this.#clock = clock;
    this.#perSecond = perSecond;
  }

  /**
   * Counts a request of an identity. Throws `rate-limited` if it has sent too many. The caller must
   * call `end` with the name when the request is over.
   */
  begin(name: string): void {
    const rate = this.#perSecond();
    const nowMs = this.#clock.monotonicMs();
    const use = this.#useOf(name, rate, nowMs);
    use.tokens = Math.min(rate, use.tokens + ((nowMs - use.atMs) / 1000) * rate);
    use.atMs = nowMs;
    if (use.tokens < 1) throw limited(`An identity may send ${rate} requests a second to a node.`);
    if (use.requests >= MAX_HTTP_IN_FLIGHT * SHARE_OF_IDENTITY)
      throw limited('The identity has all of its places for requests in progress.');
    use.tokens -= 1;
    use.requests += 1;
  }

  /** Counts the end of a request. */
  end(name: string): void {
    const use = this.#uses.get(name);
    if (use !== undefined) use.requests -= 1;
  }

  #useOf(name: string, rate: number, nowMs: number): IdentityUse {
    const known = this.#uses.get(name);
    if (known !== undefined) return known;
    if (this.#uses.size >= MAX_RATED_IDENTITIES) this.#forgetIdle(nowMs);
    const use = { tokens: rate, atMs: nowMs, requests: 0 };
    this.#uses.set(name, use);
    return use;
  }

  /** Forgets identities whose buckets are full again. */
  #forgetIdle(nowMs: number): void {
    for (const [name, { requests, atMs }] of this.#uses)
      if (requests === 0 && nowMs - atMs >= 1000) this.#uses.delete(name);
  }
}

const limited = (detail: string): MecError =>
  new MecError('rate-limited', { detail, retryAfter: 1 });
