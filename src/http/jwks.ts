/**
 * The public keys of an issuer, which are read again from time to time. If that fails, those that
 * were read last count for a while: an issuer that is down must not lock all clients out at once.
 */
import type { Clock } from '../base/env.ts';
import { MecError, messageOf } from '../base/errors.ts';
import { JWKS_FRESH_MS, JWKS_KEEP_MS, JWKS_PAUSE_MS } from './limits.ts';

/** Reads the keys, and takes notes of failures. */
export interface KeyReader<Keys> {
  readonly read: () => Promise<Keys>;
  readonly onFailure: (reason: string) => void;
}

/** Keys, and the time at which they were read. */
export class KeyCache<Keys> {
  readonly #reader: KeyReader<Keys>;
  readonly #clock: Pick<Clock, 'monotonicMs'>;
  #kept: { readonly keys: Keys; readonly readMs: number } | undefined;
  #triedMs = -Infinity;
  #reading: Promise<void> | undefined;

  constructor(reader: KeyReader<Keys>, clock: Pick<Clock, 'monotonicMs'>) {
    this.#reader = reader;
    this.#clock = clock;
  }

  /** The keys of now. Rejects with `unreachable` if none were read for too long. */
  async current(): Promise<Keys> {
    if (this.#ageMs > JWKS_FRESH_MS) await this.#renew();
    if (this.#kept !== undefined && this.#ageMs <= JWKS_KEEP_MS) return this.#kept.keys;
    throw new MecError('unreachable', {
      detail: 'The node cannot read the keys of the issuer; see the log of the node.',
      retryAfter: JWKS_PAUSE_MS / 1000,
      mayTakeEffect: false,
    });
  }

  /** The keys after another look, because a token names one that is not among them. */
  async renewed(): Promise<Keys> {
    await this.#renew();
    return this.current();
  }

  get #ageMs(): number {
    return this.#clock.monotonicMs() - (this.#kept?.readMs ?? -Infinity);
  }

  /** Reads once for all that wait, and not more often than the issuer can stand. */
  async #renew(): Promise<void> {
    const nowMs = this.#clock.monotonicMs();
    if (this.#reading === undefined && nowMs - this.#triedMs < JWKS_PAUSE_MS) return;
    this.#triedMs = nowMs;
    this.#reading ??= this.#read().finally(() => (this.#reading = undefined));
    await this.#reading;
  }

  async #read(): Promise<void> {
    try {
      this.#kept = { keys: await this.#reader.read(), readMs: this.#clock.monotonicMs() };
    } catch (error) {
      this.#reader.onFailure(messageOf(error));
    }
  }
}
