/**
 * The rows of an ordered map as they were at one moment, for engines that keep all of them in
 * memory: it remembers what each row was before its first change since then, and reads everything
 * else from the map of today.
 */
import { compareUtf8 } from '../base/bytes.ts';
import type { Row, ScanRange } from './engine.ts';

/** The map of today. */
export interface PresentRows {
  get(key: string): Uint8Array | undefined;
  scan(range: ScanRange): Row[];
}

/** A read view as of its making. */
export class PastRows implements PresentRows {
  readonly #present: PresentRows;
  /** The rows that have changed since, as they were; undefined for a row that was not there. */
  readonly #before = new Map<string, Uint8Array | undefined>();

  constructor(present: PresentRows) {
    this.#present = present;
  }

  /** Takes note of a row that is about to change. */
  keep(key: string): void {
    if (!this.#before.has(key)) this.#before.set(key, this.#present.get(key));
  }

  get(key: string): Uint8Array | undefined {
    return this.#before.has(key) ? this.#before.get(key) : this.#present.get(key);
  }

  scan({ from, to, limit }: ScanRange): Row[] {
    const kept = [...this.#before].filter(([key]) => compareUtf8(key, from) >= 0 && compareUtf8(key, to) < 0);
    // At most that many rows of today are not those of then, so enough of them remain to fill the limit.
    const present = this.#present.scan({ from, to, limit: limit + kept.length });
    return [...kept, ...present.filter(([key]) => !this.#before.has(key))]
      .filter((row): row is [string, Uint8Array] => row[1] !== undefined)
      .sort(([a], [b]) => compareUtf8(a, b))
      .slice(0, limit);
  }
}
