/**
 * Objects that were read lately, decoded and checked already: a read of them touches neither
 * LevelDB nor a checksum. Bounded in bytes.
 *
 * Two generations instead of a list of uses: what is read moves to the young one; when that is full
 * it becomes the old one, and what was in the old one and has not been read since is let go.
 */
import { OBJECT_CACHE_BYTES } from './limits.ts';
import type { PackedVersion } from './records.ts';

/** What an entry costs beside its record: two maps' slots, the row's name, a few objects. */
const ENTRY_BYTES = 300;

interface CachedObject {
  readonly versions: readonly PackedVersion[];
  readonly bytes: number;
}

/** Objects by their rows. */
export class ObjectCache {
  readonly #generationBytes: number;
  #young = new Map<string, CachedObject>();
  #old = new Map<string, CachedObject>();
  #youngBytes = 0;

  constructor(capacityBytes = OBJECT_CACHE_BYTES) {
    this.#generationBytes = capacityBytes / 2;
  }

  /** The versions in a row, where it was read lately and has not been written since. */
  get(row: string): readonly PackedVersion[] | undefined {
    const young = this.#young.get(row);
    if (young !== undefined) return young.versions;
    const old = this.#old.get(row);
    if (old === undefined) return undefined;
    this.#old.delete(row);
    this.#keep(row, old);
    return old.versions;
  }

  /** A row was read from the disk. One that would take the place of very many others is not kept. */
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

  /** A row is being written. */
  drop(row: string): void {
    const young = this.#young.get(row);
    if (young !== undefined) this.#youngBytes -= young.bytes;
    this.#young.delete(row);
    this.#old.delete(row);
  }

  /** Many rows are being taken away. */
  clear(): void {
    this.#young.clear();
    this.#old.clear();
    this.#youngBytes = 0;
  }
}
