/**
 * Claims: an owner of a key grants it to one conditional write at a time. A write that has claims of a majority, finds its condition met
 * among what that majority holds, and is stored by a majority that still grants it the key, is the only one to do so: any two
 * majorities share an owner. Time only frees what a coordinator that died has left behind; nothing is decided by it.
 *
 * Beside them: what came of the writes with an idempotency key that this owner has stored lately. While the version itself is there it
 * says so itself; this is for after it was overwritten.
 */
import type { Clock } from '../base/env.ts';
import { MecError } from '../base/errors.ts';
import { CLAIM_MS, IDEMPOTENCY_MS, MAX_CLAIMS, MAX_IDEMPOTENCY_KEYS } from '../base/limits.ts';
import type { Dot } from '../core/causal-context.ts';

/** A write with an idempotency key that was made: its dot, and a digest of what it wrote. */
export interface Remembered extends Dot {
  readonly digest: string;
}

interface Claim {
  readonly id: string;
  readonly untilMs: number;
}

/** The claims that one owner grants. */
export class Claims {
  readonly #clock: Clock;
  readonly #byKey = new Map<string, Claim>();
  /** Oldest first. */
  readonly #remembered = new Map<string, Remembered & { readonly untilMs: number }>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Grants a key to a write, where no other has it. Throws `overloaded` where too many are granted. */
  take(key: string, id: string): boolean {
    const nowMs = this.#clock.monotonicMs();
    const claim = this.#byKey.get(key);
    if (claim !== undefined && claim.id !== id && claim.untilMs > nowMs) return false;
    if (this.#byKey.size >= MAX_CLAIMS) this.#expire(nowMs);
    this.#byKey.set(key, { id, untilMs: nowMs + CLAIM_MS });
    return true;
  }

  /** Whether a write has the key, and nobody else has had it meanwhile. */
  has(key: string, id: string): boolean {
    return this.#byKey.get(key)?.id === id;
  }

  /** Frees the key, where this write has it. */
  release(key: string, id: string): void {
    if (this.has(key, id)) this.#byKey.delete(key);
  }

  #expire(nowMs: number): void {
    for (const [key, { untilMs }] of this.#byKey) if (untilMs <= nowMs) this.#byKey.delete(key);
    if (this.#byKey.size >= MAX_CLAIMS) throw new MecError('overloaded', { retryAfter: 1 });
  }

  /** A write with an idempotency key was stored. */
  remember(key: string, idempotencyKey: string, made: Remembered): void {
    const nowMs = this.#clock.monotonicMs();
    const name = nameOf(key, idempotencyKey);
    this.#remembered.delete(name);
    this.#remembered.set(name, { ...made, untilMs: nowMs + IDEMPOTENCY_MS });
    for (const [oldest, { untilMs }] of this.#remembered) {
      if (untilMs > nowMs && this.#remembered.size <= MAX_IDEMPOTENCY_KEYS) return;
      this.#remembered.delete(oldest);
    }
  }

  /** What came of a write with an idempotency key, where it is remembered. */
  recall(key: string, idempotencyKey: string): Remembered | undefined {
    const made = this.#remembered.get(nameOf(key, idempotencyKey));
    return made === undefined || made.untilMs <= this.#clock.monotonicMs() ? undefined : made;
  }
}

const nameOf = (key: string, idempotencyKey: string): string => `${idempotencyKey}\0${key}`;
