/**
 * A snapshot of an ordered map in memory. It keeps the old value of each row that changes later,
 * and reads all other rows from the map.
 */
import { compareUtf8 } from '../base/bytes.ts';
import type { Row, ScanRange } from './engine.ts';

/** The rows of the map now. */
export interface LiveRows {
  get(key: string): Uint8Array | undefined;
  scan(range: ScanRange): Row[];
}

/** The rows of a map as they were when the snapshot was made. */
export class MemorySnapshot implements LiveRows {
  readonly #live: LiveRows;
  /** The old values of rows that have changed; undefined for a row that was absent. */
  readonly #before = new Map<string, Uint8Array | undefined>();

  constructor(present: LiveRows) {
    this.#live = present;
  }

  /** Keeps the value of a row before it changes. */
  keep(key: string): void {
    if (!this.#before.has(key)) this.#before.set(key, this.#live.get(key));
  }

  get(key: string): Uint8Array | undefined {
    return this.#before.has(key) ? this.#before.get(key) : this.#live.get(key);
  }

  scan({ from, to, limit }: ScanRange): Row[] {
    const kept = [...this.#before].filter(
      ([key]) => compareUtf8(key, from) >= 0 && compareUtf8(key, to) < 0,
    );
    // At most `kept.length` of the present rows have changed, so the others can fill the limit.
    const present = this.#live.scan({ from, to, limit: limit + kept.length });
    return [...kept, ...present.filter(([key]) => !this.#before.has(key))]
      .filter((row): row is [string, Uint8Array] => row[1] !== undefined)
      .sort(([a], [b]) => compareUtf8(a, b))
      .slice(0, limit);
  }
}
