/**
 * The keys with the largest values of some kind, such as bytes. A key enters with a change, or when
 * the round of verification has read it.
 */
import { MAX_TOP_KEYS } from './limits.ts';

/** A key and its value. */
export interface LargeKey {
  readonly key: string;
  readonly value: number;
}

/** Keeps the keys with the largest values. */
export class LargestKeys {
  readonly #values = new Map<string, number>();
  /** No key with a smaller value enters. */
  #least = 0;

  /** Notes the present value of a key; 0 removes it. */
  note(key: string, value: number): void {
    if (value <= this.#least && !this.#values.has(key)) return;
    if (value === 0) this.#values.delete(key);
    else this.#values.set(key, value);
    if (this.#values.size <= MAX_TOP_KEYS) {
      this.#least = 0;
      return;
    }
    const [smallest, ...others] = [...this.#values].sort((a, b) => a[1] - b[1]);
    if (smallest !== undefined) this.#values.delete(smallest[0]);
    this.#least = others[0]?.[1] ?? 0;
  }

  /** The largest value; 0 without keys. */
  get most(): number {
    return Math.max(0, ...this.#values.values());
  }

  /** The keys, the largest first. */
  get top(): LargeKey[] {
    const keys = [...this.#values].map(([key, value]) => ({ key, value }));
    return keys.sort((a, b) => b.value - a.value);
  }
}
