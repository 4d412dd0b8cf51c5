/** What came of the writes with an idempotency key that this owner has stored lately: for after their versions were overwritten. */
import type { Clock } from '../base/env.ts';
import { IDEMPOTENCY_MS, MAX_IDEMPOTENCY_KEYS } from '../base/limits.ts';
import type { Made } from '../core/decision.ts';

/** Remembers writes by their idempotency keys. */
export class Repeats {
  readonly #clock: Clock;
  /** Oldest first. */
  readonly #remembered = new Map<string, Made & { readonly untilMs: number }>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** A write with an idempotency key was stored. */
  remember(key: string, idempotencyKey: string, made: Made): void {
    const nowMs = this.#clock.monotonicMs();
    const name = nameOf(key, idempotencyKey);
    this.#remembered.delete(name);
    this.#remembered.set(name, { ...made, untilMs: nowMs + IDEMPOTENCY_MS });
    for (const [oldest, { untilMs }] of this.#remembered) {
      if (untilMs > nowMs && this.#remembered.size <= MAX_IDEMPOTENCY_KEYS) return;
      this.#remembered.delete(oldest);
    }
  }

  /** What came of a write with an idempotency key, if it is remembered. */
  recall(key: string, idempotencyKey: string): Made | undefined {
    const made = this.#remembered.get(nameOf(key, idempotencyKey));
    return made === undefined || made.untilMs <= this.#clock.monotonicMs() ? undefined : made;
  }
}

const nameOf = (key: string, idempotencyKey: string): string => `${idempotencyKey}\0${key}`;
