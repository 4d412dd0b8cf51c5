/**
 * The nonces of signed requests that a node has served. It remembers the hash of each for at least
 * the time in which its request could be sent again.
 */
import type { Clock } from '../base/env.ts';
import { MecError } from '../base/errors.ts';
import { sha256Of } from '../base/sha256.ts';
import { MAX_NONCES, NONCE_MS, SHARE_OF_SIGNER } from './limits.ts';

/** Hexadecimal digits of a hash that are kept: 48 bits are a whole number. */
const DIGITS = 12;

/** The nonces of one period. */
class Period {
  readonly seen = new Set<number>();
  readonly countByKey = new Map<string, number>();
}

/** Remembers nonces in two periods, of which the older one is forgotten as a whole. */
export class Nonces {
  readonly #clock: Pick<Clock, 'monotonicMs'>;
  #young = new Period();
  #old = new Period();
  #sinceMs = -Infinity;

  constructor(clock: Pick<Clock, 'monotonicMs'>) {
    this.#clock = clock;
  }

  /**
   * Remembers the nonce of a key, and returns whether it is new. Throws `rate-limited` if the key,
   * or all keys together, have used too many.
   */
  take(keyId: string, nonce: string): boolean {
    this.#turn();
    const { seen, countByKey } = this.#young;
    const hash = Number.parseInt(sha256Of(`${keyId} ${nonce}`).slice(0, DIGITS), 16);
    if (seen.has(hash) || this.#old.seen.has(hash)) return false;
    const count = countByKey.get(keyId) ?? 0;
    if (seen.size >= MAX_NONCES || count >= MAX_NONCES * SHARE_OF_SIGNER)
      throw new MecError('rate-limited', {
        detail: 'The node cannot remember more signed requests of this key; use a token for more.',
        retryAfter: Math.ceil((this.#sinceMs + NONCE_MS - this.#clock.monotonicMs()) / 1000),
      });
    seen.add(hash);
    countByKey.set(keyId, count + 1);
    return true;
  }

  #turn(): void {
    const nowMs = this.#clock.monotonicMs();
    const ageMs = nowMs - this.#sinceMs;
    if (ageMs < NONCE_MS) return;
    this.#old = ageMs < 2 * NONCE_MS ? this.#young : new Period();
    this.#young = new Period();
    this.#sinceMs = nowMs;
  }
}
