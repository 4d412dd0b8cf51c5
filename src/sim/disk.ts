/**
 * A disk that is slow, fails, fills up, forgets what was not synced, and can be damaged, wiped or put back to an earlier state. What
 * lies on it outlives the process that wrote it.
 */
import { compareUtf8 } from '../base/bytes.ts';
import { MecError } from '../base/errors.ts';
import { partitionOf } from '../core/partition.ts';
import type { Change, Engine, Row, ScanRange, Snapshot } from '../storage/engine.ts';
import { objectRow } from '../storage/keyspace.ts';
import { PastRows, type PresentRows } from '../storage/past-rows.ts';
import type { Life, World } from './world.ts';

/** The disk of one machine. */
export class SimDisk implements PresentRows {
  rows = new Map<string, Uint8Array>();
  /** Stores that were set aside, as damaged. */
  aside = 0;
  /** Usual time of a synced batch, ms; it varies by half. */
  delayMs = 1;
  /** How many batches fail. */
  failRate = 0;
  isFull = false;
  /** Whether a batch is acknowledged before it is safe: a broken promise, to see it caught. */
  liesAboutSync = false;
  /** How often what lies on it was changed. */
  batches = 0;
  /** Batches on their way to it. */
  writing = 0;
  /** Open read views; they end with the life that opened them. */
  readonly views = new Set<PastRows>();
  #sorted: string[] | undefined;

  /** The keys in order. */
  get sorted(): readonly string[] {
    this.#sorted ??= [...this.rows.keys()].sort(compareUtf8);
    return this.#sorted;
  }

  /** Writes a batch, whole. */
  apply(changes: readonly Change[]): void {
    this.batches += 1;
    for (const { key, value } of changes) {
      for (const view of this.views) view.keep(key);
      const isNew = !this.rows.has(key);
      if (value === undefined) this.rows.delete(key);
      else this.rows.set(key, value.slice());
      if (value === undefined || isNew) this.#sorted = undefined;
    }
  }

  get(key: string): Uint8Array | undefined {
    return this.rows.get(key)?.slice();
  }

  scan({ from, to, limit }: ScanRange): Row[] {
    const { sorted } = this;
    const found: Row[] = [];
    for (let i = firstFrom(sorted, from); i < sorted.length && found.length < limit; i++) {
      const key = sorted[i] as string;
      if (compareUtf8(key, to) >= 0) break;
      found.push([key, this.get(key) as Uint8Array]);
    }
    return found;
  }

  /** Puts other rows in place of all. */
  replace(rows: ReadonlyMap<string, Uint8Array>): void {
    this.rows = new Map(rows);
    this.batches += 1;
    this.#sorted = undefined;
  }

  /** Flips a bit of the n-th record. */
  damage(n: number): string | undefined {
    const key = this.sorted[n % Math.max(1, this.sorted.length)];
    const record = key === undefined ? undefined : this.rows.get(key);
    if (key === undefined || record === undefined || record.length === 0) return undefined;
    const copy = record.slice();
    copy[copy.length - 1] = (copy[copy.length - 1] as number) ^ 1;
    this.rows.set(key, copy);
    return key;
  }

  /** Silently loses the object of a key, and nobody is told. */
  lose(key: string): void {
    const row = objectRow(partitionOf(key), key);
    if (this.rows.delete(row)) this.#sorted = undefined;
  }

  /** Flips a bit of the last character of an object's row: LevelDB does not verify keys when it reads. */
  misplace(key: string): void {
    const row = objectRow(partitionOf(key), key);
    const record = this.rows.get(row);
    if (record === undefined) return;
    this.rows.set(row.slice(0, -1) + String.fromCharCode(row.charCodeAt(row.length - 1) ^ 1), record);
    this.lose(key);
  }

  /** Opens the store for one life of the node. */
  open(world: World, life: Life): Engine {
    this.views.clear();
    return new SimEngine(world, life, this);
  }
}

class SimEngine implements Engine {
  readonly #world: World;
  readonly #life: Life;
  readonly #disk: SimDisk;
  #isOpen = true;

  constructor(world: World, life: Life, disk: SimDisk) {
    this.#world = world;
    this.#life = life;
    this.#disk = disk;
  }

  get(key: string): Uint8Array | undefined {
    this.#assertOpen();
    return this.#disk.get(key);
  }

  commit(changes: readonly Change[]): Promise<void> {
    const disk = this.#disk;
    const { dice } = this.#world;
    return new Promise((resolve, reject) => {
      if (disk.liesAboutSync) this.#world.after(0, () => this.#life.run(resolve));
      // The sync itself is the machine's doing: it ends, or not, whether the process waits for it or is paused.
      disk.writing += 1;
      this.#world.after(disk.delayMs * (0.5 + dice.fraction()), () => {
        disk.writing -= 1;
        if (this.#life.isOver) return;
        if (!this.#isOpen) return this.#life.run(() => reject(new MecError('disk-failed')));
        const error = disk.isFull ? 'disk-full' : dice.chance(disk.failRate) ? 'disk-failed' : undefined;
        if (error === undefined) disk.apply(changes);
        this.#life.run(error === undefined ? resolve : () => reject(new MecError(error)));
      });
    });
  }

  async scan(range: ScanRange): Promise<Row[]> {
    this.#assertOpen();
    return this.#disk.scan(range);
  }

  async keys(range: ScanRange): Promise<string[]> {
    return (await this.scan(range)).map(([key]) => key);
  }

  snapshot(): Snapshot {
    this.#assertOpen();
    const { views } = this.#disk;
    const view = new PastRows(this.#disk);
    views.add(view);
    const past = (): PastRows => {
      this.#assertOpen();
      if (!views.has(view)) throw new MecError('disk-failed');
      return view;
    };
    return {
      get: (key) => past().get(key),
      scan: async (range) => past().scan(range),
      keys: async (range) =>
        past()
          .scan(range)
          .map(([key]) => key),
      close: async () => void views.delete(view),
    };
  }

  async diskBytes(): Promise<number> {
    return 0;
  }

  async close(): Promise<void> {
    if (!this.#isOpen) return;
    await this.abandon();
  }

  async abandon(): Promise<void> {
    this.#isOpen = false;
    this.#disk.views.clear();
  }

  async setAside(): Promise<void> {
    await this.abandon();
    this.#disk.aside += 1;
    this.#disk.replace(new Map());
  }

  #assertOpen(): void {
    if (!this.#isOpen || this.#life.isOver) throw new MecError('disk-failed');
  }
}

function firstFrom(sorted: readonly string[], from: string): number {
  let low = 0;
  let high = sorted.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (compareUtf8(sorted[middle] as string, from) < 0) low = middle + 1;
    else high = middle;
  }
  return low;
}
