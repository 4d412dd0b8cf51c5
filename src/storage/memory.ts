/** An engine in memory: for tests and the simulator. What was committed with `sync` survives `abandon`. */
import { assert } from '../base/assert.ts';
import { compareUtf8 } from '../base/bytes.ts';
import { StartError } from '../base/errors.ts';
import type { Change, Engine, Row, ScanRange } from './engine.ts';

/** The platter: what survives the engine that is open on it. */
export class MemoryDisk {
  readonly rows = new Map<string, Uint8Array>();
  /** Stores that were set aside. */
  readonly aside: Map<string, Uint8Array>[] = [];
  isOpen = false;
  mark: string | undefined;

  /** Opens the disk; one at a time. */
  open = async (): Promise<Engine> => {
    if (this.isOpen) throw new StartError('The store is in use by another node');
    return new MemoryEngine(this);
  };
}

class MemoryEngine implements Engine {
  readonly mark: string | undefined;
  readonly #disk: MemoryDisk;
  readonly #rows: Map<string, Uint8Array>;
  #isOpen = true;

  constructor(disk: MemoryDisk) {
    this.#disk = disk;
    this.#rows = new Map(disk.rows);
    this.mark = disk.mark;
    disk.isOpen = true;
    disk.mark = undefined;
  }

  get(key: string): Uint8Array | undefined {
    this.#assertOpen();
    return this.#rows.get(key)?.slice();
  }

  async commit(changes: readonly Change[], sync: boolean): Promise<void> {
    this.#assertOpen();
    for (const { key, value } of changes) {
      if (value === undefined) this.#rows.delete(key);
      else this.#rows.set(key, value.slice());
    }
    if (sync) this.#sync();
  }

  async scan({ from, to, limit }: ScanRange): Promise<Row[]> {
    this.#assertOpen();
    return [...this.#rows]
      .filter(([key]) => compareUtf8(key, from) >= 0 && compareUtf8(key, to) < 0)
      .sort(([a], [b]) => compareUtf8(a, b))
      .slice(0, limit)
      .map(([key, value]) => [key, value.slice()]);
  }

  async keys(range: ScanRange): Promise<string[]> {
    return (await this.scan(range)).map(([key]) => key);
  }

  async diskBytes(): Promise<number> {
    return [...this.#rows].reduce((sum, [key, value]) => sum + key.length + value.length, 0);
  }

  async close(mark: string): Promise<void> {
    if (!this.#isOpen) return;
    this.#sync();
    this.#disk.mark = mark;
    await this.abandon();
  }

  async abandon(): Promise<void> {
    if (!this.#isOpen) return;
    this.#isOpen = false;
    this.#disk.isOpen = false;
  }

  async setAside(): Promise<void> {
    await this.abandon();
    this.#disk.aside.push(new Map(this.#disk.rows));
    this.#disk.rows.clear();
  }

  #sync(): void {
    this.#disk.rows.clear();
    for (const [key, value] of this.#rows) this.#disk.rows.set(key, value);
  }

  #assertOpen(): void {
    assert(this.#isOpen, 'the engine is open');
  }
}
