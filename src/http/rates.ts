/**
 * The requests and the bytes of each identity: numbers a second, by token buckets, and a part of
 * the places for requests in progress. One tenant that sends too much must not take the node from
 * the others.
 */
import type { Clock } from '../base/env.ts';
import { MecError } from '../base/errors.ts';
import { MAX_HTTP_IN_FLIGHT, MAX_RATED_IDENTITIES, SHARE_OF_IDENTITY } from './limits.ts';

/** The limits on one identity, at one node. */
export interface RateLimits {
  readonly requestsPerSecond: number;
  /** Bytes of requests and answers; undefined if they are not limited. */
  readonly bytesPerSecond?: number | undefined;
}

/** A bucket that fills at a rate, and has room for one second of it. */
class TokenBucket {
  #tokens: number;
  #atMs: number;

  constructor(rate: number, nowMs: number) {
    this.#tokens = rate;
    this.#atMs = nowMs;
  }

  /** Its tokens now. They are negative if more were taken than there were. */
  tokens(rate: number, nowMs: number): number {
    this.#tokens = Math.min(rate, this.#tokens + ((nowMs - this.#atMs) / 1000) * rate);
    this.#atMs = nowMs;
    return this.#tokens;
  }

  /** Takes tokens out, or puts them back if the number is negative. */
  take(count: number): void {
    this.#tokens -= count;
  }
}

/** The use of one identity. */
interface IdentityUse {
  readonly requests: TokenBucket;
  /** Undefined until bytes are limited. */
  bytes: TokenBucket | undefined;
  /** Requests in progress. */
  inProgress: number;
  /** The time of the last request. */
  lastMs: number;
}

/** The use of all identities. */
export class Rates {
  readonly #clock: Pick<Clock, 'monotonicMs'>;
  readonly #limits: () => RateLimits;
  readonly #uses = new Map<string, IdentityUse>();

  /** `limits` returns the limits of the moment. A rate is also the largest burst. */
  constructor(clock: Pick<Clock, 'monotonicMs'>, limits: () => RateLimits) {
    this.#clock = clock;
    this.#limits = limits;
  }

  /** Whether bytes are limited now. */
  get areBytesCounted(): boolean {
    return this.#limits().bytesPerSecond !== undefined;
  }

  /**
   * Counts a request of an identity, and the bytes that it announces. Throws `rate-limited` if the
   * identity has sent too many. The caller must call `end` with the name when the request is over.
   */
  begin(name: string, bytes = 0): void {
    const { requestsPerSecond: rate, bytesPerSecond } = this.#limits();
    const nowMs = this.#clock.monotonicMs();
    const use = this.#useOf(name, rate, nowMs);
    use.lastMs = nowMs;
    if (use.requests.tokens(rate, nowMs) < 1)
      throw limited(`An identity may send ${rate} requests a second to a node.`);
    if (use.inProgress >= MAX_HTTP_IN_FLIGHT * SHARE_OF_IDENTITY)
      throw limited('The identity has all of its places for requests in progress.');
    if (bytesPerSecond !== undefined) this.#beginBytes(use, { bytes, bytesPerSecond, nowMs });
    use.requests.take(1);
    use.inProgress += 1;
  }

  /**
   * The bytes of an answer are known at its end only. So a request may take more than the bucket
   * has, and the next ones wait until the debt is paid.
   */
  #beginBytes(
    use: IdentityUse,
    {
      bytes,
      bytesPerSecond: rate,
      nowMs,
    }: { bytes: number; bytesPerSecond: number; nowMs: number },
  ): void {
    use.bytes ??= new TokenBucket(rate, nowMs);
    const left = use.bytes.tokens(rate, nowMs);
    if (left < 0)
      throw limited(`An identity may move ${rate} bytes a second at a node.`, -left / rate);
    use.bytes.take(bytes);
  }

  /** Counts the end of a request, and the bytes that it has moved beyond those announced. */
  end(name: string, bytes = 0): void {
    const use = this.#uses.get(name);
    if (use === undefined) return;
    use.inProgress -= 1;
    use.bytes?.take(bytes);
  }

  #useOf(name: string, rate: number, nowMs: number): IdentityUse {
    const known = this.#uses.get(name);
    if (known !== undefined) return known;
    if (this.#uses.size >= MAX_RATED_IDENTITIES) this.#forgetIdle(nowMs);
    const requests = new TokenBucket(rate, nowMs);
    const use = { requests, bytes: undefined, inProgress: 0, lastMs: nowMs };
    this.#uses.set(name, use);
    return use;
  }

  /** Forgets identities whose buckets are full again. */
  #forgetIdle(nowMs: number): void {
    const { bytesPerSecond: rate } = this.#limits();
    for (const [name, { inProgress, lastMs, bytes }] of this.#uses) {
      const isPaid = bytes === undefined || rate === undefined || bytes.tokens(rate, nowMs) >= rate;
      if (inProgress === 0 && nowMs - lastMs >= 1000 && isPaid) this.#uses.delete(name);
    }
  }
}

const limited = (detail: string, afterSeconds = 1): MecError =>
  new MecError('rate-limited', { detail, retryAfter: Math.ceil(afterSeconds) });
