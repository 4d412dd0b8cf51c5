/**
 * A cache of decoded objects. A read of a cached object needs neither LevelDB nor a checksum.
 *
 * The cache has two generations. An object that is read moves to the young one. When that is full,
 * it becomes the old one, and the objects of the last old one are dropped. This costs less than a
 * list of uses.
 */
import { OBJECT_CACHE_BYTES } from './limits.ts';
import type { PackedVersion } from './records.ts';

/**
 * The bytes of an entry next to its record: slots of two maps, the name of the row, a few objects.
 */
const ENTRY_BYTES = 300;

interface CachedObject {
  readonly versions: readonly PackedVersion[];
  readonly bytes: number;
}

/** The cached objects by their rows, bounded in bytes. */
export class ObjectCache {
  readonly #generationBytes: number;
  #young = new Map<string, CachedObject>();
  #old = new Map<string, CachedObject>();
  #youngBytes = 0;

  constructor(capacityBytes = OBJECT_CACHE_BYTES) {
    this.#generationBytes = capacityBytes / 2;
  }

  /** Returns the versions of a row; undefined if it is not cached. */
  get(row: string): readonly PackedVersion[] | undefined {
    const young = this.#young.get(row);
    if (young !== undefined) return young.versions;
    const old = this.#old.get(row);
    if (old === undefined) return undefined;
    this.#old.delete(row);
    this.#keep(row, old);
    return old.versions;
  }

  /**
   * Adds a row that was read from the disk, unless it is so large that it displaces many others.
   */
  add(row: string, versions: readonly PackedVersion[], recordBytes: number): void {
    const bytes = recordBytes + ENTRY_BYTES;
    if (bytes <= this.#generationBytes / 16) this.#keep(row, { versions, bytes });
  }

  #keep(row: string, entry: CachedObject): void {
    this.#young.set(row, entry);
    this.#youngBytes += entry.bytes;
    if (this.#youngBytes <= this.#generationBytes) return;
    this.#old = this.#young;
    this.#young = new Map();
    this.#youngBytes = 0;
  }

  /** Drops a row that is being written. */
  drop(row: string): void {
    const young = this.#young.get(row);
    if (young !== undefined) this.#youngBytes -= young.bytes;
    this.#young.delete(row);
    this.#old.delete(row);
  }

  /** Drops all rows. */
  clear(): void {
    this.#young.clear();
    this.#old.clear();
    this.#youngBytes = 0;
  }
}
