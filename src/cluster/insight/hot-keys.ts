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
    const replaced = this.#counters.size < HOT_COUNTERS ? undefined : this.#least();
    if (replaced !== undefined) this.#counters.delete(replaced[0]);
    const error = replaced?.[1].count ?? 0;
    this.#counters.set(key, { count: error + 1, error });
  }

  #least(): [string, Counter] | undefined {
    let least: [string, Counter] | undefined;
    for (const entry of this.#counters)
      if (least === undefined || entry[1].count < least[1].count) least = entry;
    return least;
  }

  #halve(): void {
    const nowMs = this.#clock.monotonicMs();
    const times = Math.floor((nowMs - this.#halvedMs) / HALVING_MS);
    if (times < 1) return;
    this.#halvedMs += times * HALVING_MS;
    for (const [key, counter] of this.#counters) {
      counter.count /= 2 ** times;
      counter.error /= 2 ** times;
      if (counter.count < FORGOTTEN) this.#counters.delete(key);
    }
  }
}

/** A counter below this is forgotten: its key had one operation some minutes ago. */
const FORGOTTEN = 0.25;
