/**
 * An engine in memory, for tests and for embedded nodes. Commits with `sync` survive `abandon`.
 */
import { assert } from '../base/assert.ts';
import { compareUtf8 } from '../base/bytes.ts';
import { StartError } from '../base/errors.ts';
import type { Engine, Row, RowChange, Salvage, ScanRange, Snapshot } from './engine.ts';
import { MemorySnapshot } from './memory-snapshot.ts';

/** The platter of an engine in memory: its rows survive the engine. */
export class MemoryDisk {
  readonly rows = new Map<string, Uint8Array>();
  /** The salvage of the next engine. */
  salvage: Salvage | undefined;
  isOpen = false;

  /** Opens an engine on the disk. Only one may be open. */
  open = async (): Promise<Engine> => {
    if (this.isOpen) throw new StartError('The store is in use by another node');
    return new MemoryEngine(this);
  };
}

class MemoryEngine implements Engine {
  readonly salvage: Salvage | undefined;
  readonly #disk: MemoryDisk;
  readonly #rows: Map<string, Uint8Array>;
  /** The keys in order, as of the last scan. */
  #sorted: readonly string[];
  /** Keys that were added since. */
  #added: string[] = [];
  /** Keys that have changed since the last sync. */
  readonly #unsynced = new Set<string>();
  readonly #views = new Set<MemorySnapshot>();
  #isOpen = true;

  constructor(disk: MemoryDisk) {
    this.#disk = disk;
    this.salvage = disk.salvage;
    this.#rows = new Map(disk.rows);
    this.#sorted = [...this.#rows.keys()].sort(compareUtf8);
    disk.isOpen = true;
  }

  get(key: string): Uint8Array | undefined {
    this.#assertOpen();
    return this.#rows.get(key)?.slice();
  }

  async commit(changes: readonly RowChange[], sync: boolean): Promise<void> {
    this.#assertOpen();
    for (const { key, value } of changes) {
      for (const view of this.#views) view.keep(key);
      if (value === undefined) this.#rows.delete(key);
      else {
        if (!this.#rows.has(key)) this.#added.push(key);
        this.#rows.set(key, value.slice());
      }
      this.#unsynced.add(key);
    }
    if (sync) this.#sync();
  }

  async scan(range: ScanRange): Promise<Row[]> {
    return this.#scan(range);
  }

  async keys(range: ScanRange): Promise<string[]> {
    return this.#scan(range).map(([key]) => key);
  }

  snapshot(): Snapshot {
    this.#assertOpen();
    const view = new MemorySnapshot({
      get: (key) => this.get(key),
      scan: (range) => this.#scan(range),
    });
    this.#views.add(view);
    const past = (): MemorySnapshot => {
      assert(this.#views.has(view), 'the view is open');
      return view;
    };
    return {
      get: (key) => past().get(key),
      scan: async (range) => past().scan(range),
      keys: async (range) =>
        past()
          .scan(range)
          .map(([key]) => key),
      close: async () => void this.#views.delete(view),
    };
  }

  async purge(): Promise<void> {
    this.#assertOpen();
  }

  async diskBytes(): Promise<number> {
    return [...this.#rows].reduce((sum, [key, value]) => sum + key.length + value.length, 0);
  }

  async close(): Promise<void> {
    if (!this.#isOpen) return;
    this.#sync();
    await this.abandon();
  }

  async abandon(): Promise<void> {
    if (!this.#isOpen) return;
    this.#isOpen = false;
    this.#views.clear();
    this.#disk.isOpen = false;
  }

  async verify(): Promise<void> {
    this.#assertOpen();
  }

  suspect(): Promise<void> {
    return this.abandon();
  }

  #scan({ from, to, limit }: ScanRange): Row[] {
    this.#assertOpen();
    const keys = this.#sortedKeys();
    const found: Row[] = [];
    for (let i = lowerBound(keys, from); i < keys.length && found.length < limit; i++) {
      const key = keys[i] as string;
      if (compareUtf8(key, to) >= 0) break;
      const value = this.#rows.get(key);
      if (value !== undefined) found.push([key, value.slice()]);
    }
    return found;
  }

  #sync(): void {
    for (const key of this.#unsynced) {
      const value = this.#rows.get(key);
      if (value === undefined) this.#disk.rows.delete(key);
      else this.#disk.rows.set(key, value);
    }
    this.#unsynced.clear();
  }

  /**
   * Returns all keys in order, some of them deleted. It merges the keys that were added since the
   * last scan into the others, which costs less than sorting all.
   */
  #sortedKeys(): readonly string[] {
    if (this.#added.length === 0) return this.#sorted;
    const added = [...new Set(this.#added)].sort(compareUtf8);
    const merged: string[] = [];
    let next = 0;
    for (const key of this.#sorted) {
      while (next < added.length && compareUtf8(added[next] as string, key) < 0)
        merged.push(added[next++] as string);
      if (added[next] === key) next += 1;
      if (this.#rows.has(key)) merged.push(key);
    }
    this.#added = [];
    this.#sorted = [...merged, ...added.slice(next)];
    return this.#sorted;
  }

  #assertOpen(): void {
    assert(this.#isOpen, 'the engine is open');
  }
}

/** Returns the index of the first key that is not below `key`. */
function lowerBound(keys: readonly string[], key: string): number {
  let from = 0;
  let to = keys.length;
  while (from < to) {
    const middle = (from + to) >>> 1;
    if (compareUtf8(keys[middle] as string, key) < 0) from = middle + 1;
    else to = middle;
  }
  return from;
}
