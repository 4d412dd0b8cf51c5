/**
 * The keys that a replica surely has no object of: a Bloom filter (Bloom, "Space/time trade-offs in
 * hash coding with allowable errors", 1970). LevelDB needs microseconds to tell that a key is
 * absent, and the first write of every key asks that at every owner. The filter answers for less.
 *
 * It can take an absent key for a present one, never the other way. A key that is removed stays in
 * it, so a filter fills up, and is then made again from the rows of the replica.
 */
import { hashText32 } from '../../base/hash.ts';
import { FILTER_BITS, FILTER_KEYS, FILTER_PROBES } from '../limits.ts';

/** A set of keys that may claim to have a key. */
export class KeyFilter {
  readonly #words: Uint32Array;
  readonly #mask: number;
  readonly #capacity: number;
  #size = 0;

  /** Makes an empty filter with room for twice as many keys as there are now. */
  constructor(keys: number) {
    const bits = 2 ** Math.ceil(Math.log2(2 * Math.max(keys, FILTER_KEYS) * FILTER_BITS));
    this.#words = new Uint32Array(bits / 32);
    this.#mask = bits - 1;
    this.#capacity = bits / FILTER_BITS;
  }

  /** Whether it has more keys than it has room for. It is then wrong too often. */
  get isFull(): boolean {
    return this.#size > this.#capacity;
  }

  /** Adds a key. */
  add(key: string): void {
    let isNew = false;
    let hash = hashText32(key);
    const step = stepOf(hash);
    for (let i = 0; i < FILTER_PROBES; i++, hash = (hash + step) | 0) {
      const bit = hash & this.#mask;
      const word = this.#words[bit >>> 5] as number;
      const changed = word | (1 << (bit & 31));
      if (changed >>> 0 === word) continue;
      this.#words[bit >>> 5] = changed;
      isNew = true;
    }
    this.#size += Number(isNew);
  }

  /** Whether the key may have been added. False is certain. */
  mayHave(key: string): boolean {
    let hash = hashText32(key);
    const step = stepOf(hash);
    for (let i = 0; i < FILTER_PROBES; i++, hash = (hash + step) | 0) {
      const bit = hash & this.#mask;
      if (((this.#words[bit >>> 5] as number) & (1 << (bit & 31))) === 0) return false;
    }
    return true;
  }
}

/** The distance of the probes of a key: its hash with the halves exchanged, and odd. */
const stepOf = (hash: number): number => (hash >>> 17) | (hash << 15) | 1;
