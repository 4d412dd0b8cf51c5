/**
 * The keys with the most operations, by the Space-Saving sketch (Metwally, Agrawal, El Abbadi
 * 2005): a fixed number of counters, and a bound on the error of each. One in sixteen operations
 * counts. Counts are halved every minute, so they tell of the last minutes.
 */
import type { Clock } from '../../base/env.ts';
import { HALVING_MS, HOT_COUNTERS, HOT_SAMPLE, MAX_TOP_KEYS } from './limits.ts';

/** A key and the number of its operations. */
export interface HotKey {
  readonly key: string;
  /** An estimate, never too small by more than the sampling. */
  readonly count: number;
  /** The estimate may be too large by this. */
  readonly error: number;
}

interface Counter {
  count: number;
  error: number;
}

/** Counts the operations of one kind. */
export class HotKeys {
  readonly #clock: Pick<Clock, 'monotonicMs'>;
  readonly #counters = new Map<string, Counter>();
  /** Keys that had the least count when they were searched for, and that count. */
  #leasts: string[] = [];
  #leastCount = 0;
  #operations = 0;
  #halvedMs: number;

  constructor(clock: Pick<Clock, 'monotonicMs'>) {
    this.#clock = clock;
    this.#halvedMs = clock.monotonicMs();
  }

  /** Counts an operation on a key, if it is one of the sample. */
  note(key: string): void {
    this.#operations += 1;
    if (this.#operations % HOT_SAMPLE === 0) this.#count(key);
  }

  /** The keys with the most operations, the most first. */
  get top(): HotKey[] {
    this.#halve();
    const keys = [...this.#counters].map(([key, { count, error }]) => ({
      key,
      count: Math.round(count * HOT_SAMPLE),
      error: Math.round(error * HOT_SAMPLE),
    }));
    return keys.sort((a, b) => b.count - a.count).slice(0, MAX_TOP_KEYS);
  }

  #count(key: string): void {
    this.#halve();
    const known = this.#counters.get(key);
    if (known !== undefined) {
      known.count += 1;
      return;
    }
    let error = 0;
    if (this.#counters.size >= HOT_COUNTERS) {
      this.#counters.delete(this.#least());
      error = this.#leastCount;
    }
    this.#counters.set(key, { count: error + 1, error });
  }

  /**
   * A key with the least count. A search finds all of them at once: with keys that are all alike,
   * each sampled operation replaces one. Counts only grow, so the least stays the least while a key
   * has it.
   */
  #least(): string {
    for (;;) {
      for (let key = this.#leasts.pop(); key !== undefined; key = this.#leasts.pop())
        if (this.#counters.get(key)?.count === this.#leastCount) return key;
      this.#leastCount = Infinity;
      for (const [key, { count }] of this.#counters) {
        if (count < this.#leastCount) this.#leasts = [];
        this.#leastCount = Math.min(count, this.#leastCount);
        if (count === this.#leastCount) this.#leasts.push(key);
      }
    }
  }

  #halve(): void {
    const nowMs = this.#clock.monotonicMs();
    const times = Math.floor((nowMs - this.#halvedMs) / HALVING_MS);
    if (times < 1) return;
    this.#halvedMs += times * HALVING_MS;
    this.#leasts = [];
    for (const [key, counter] of this.#counters) {
      counter.count /= 2 ** times;
      counter.error /= 2 ** times;
      if (counter.count < FORGOTTEN) this.#counters.delete(key);
    }
  }
}

/** A counter below this is forgotten: its key had one operation some minutes ago. */
const FORGOTTEN = 0.25;
