/**
 * A disk that is slow, fails, fills up, and forgets rows that were not synced. It can be damaged,
 * wiped or put back to an earlier state. Its rows outlive the process that wrote them.
 */
import { compareUtf8 } from '../base/bytes.ts';
import { MecError } from '../base/errors.ts';
import { partitionOf } from '../core/placement/partition.ts';
import type {
  Engine,
  LostRange,
  Row,
  RowChange,
  Salvage,
  ScanRange,
  Snapshot,
} from '../storage/engine.ts';
import { objectRow } from '../storage/keyspace.ts';
import { MemorySnapshot, type LiveRows } from '../storage/memory-snapshot.ts';
import type { Life, World } from './world.ts';

/** The disk of one machine. */
export class SimDisk implements LiveRows {
  rows = new Map<string, Uint8Array>();
  /** Rows that cannot be read: those from `first` to `last`. */
  unreadable: LostRange[] = [];
  /** Rows in these ranges may be lost. A look at the disk finds the ranges, but not the rows. */
  suspects: LostRange[] = [];
  /** The salvage of an opening after damage, until the store has taken it in. */
  salvage: Salvage | undefined;
  /** Whether the next opening examines the whole disk. */
  isSuspect = false;
  /** The usual time of a synced batch, ms. It varies by half. */
  delayMs = 1;
  /** The share of batches that fail. */
  failRate = 0;
  isFull = false;
  /** Whether a batch is acknowledged before it is safe: a planted bug, which a run must catch. */
  liesAboutSync = false;
  /** The row whose next record is damaged as soon as it is written. */
  rowToFlip: string | undefined;
  /** The number of changes of its rows. */
  batches = 0;
  /** The number of batches on their way to the disk. */
  writing = 0;
  /** Open snapshots. They end with the life that opened them. */
  readonly views = new Set<MemorySnapshot>();
  #sorted: string[] | undefined;
  /** Damaged records by their rows, until they are overwritten. */
  readonly #flipped = new Map<string, Uint8Array>();
  /** The batches that wait, by the hold that they wait for. */
  readonly #holds = new Set<(() => void)[]>();

  /** Holds all batches on their way to the disk. Returns a function that ends this hold. */
  hold(): () => void {
    const waiting: (() => void)[] = [];
    this.#holds.add(waiting);
    return () => {
      if (this.#holds.delete(waiting)) for (const end of waiting) this.finish(end);
    };
  }

  /** Ends a batch, now or after all holds. */
  finish(end: () => void): void {
    const [hold] = this.#holds;
    if (hold === undefined) end();
    else hold.push(end);
  }

  /** The keys in order. */
  get sorted(): readonly string[] {
    this.#sorted ??= [...this.rows.keys()].sort(compareUtf8);
    return this.#sorted;
  }

  /** Writes a whole batch. */
  apply(changes: readonly RowChange[]): void {
    this.batches += 1;
    for (const { key, value } of changes) {
      for (const view of this.views) view.keep(key);
      const isNew = !this.rows.has(key);
      if (value === undefined) this.rows.delete(key);
      else this.rows.set(key, value.slice());
      if (value === undefined || isNew) this.#sorted = undefined;
    }
    const doomed = this.rowToFlip;
    if (doomed !== undefined && changes.some(({ key }) => key === doomed) && this.flip(doomed))
      this.rowToFlip = undefined;
  }

  get(key: string): Uint8Array | undefined {
    if (this.unreadable.some((range) => isWithin(key, range))) throw new MecError('damaged');
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

  /** Replaces all rows. */
  replace(rows: ReadonlyMap<string, Uint8Array>): void {
    this.rows = new Map(rows);
    this.batches += 1;
    this.#sorted = undefined;
    this.unreadable = [];
    this.suspects = [];
    this.salvage = undefined;
  }

  /** Flips a bit of the n-th record. Returns its row. */
  damage(n: number): string | undefined {
    const row = this.sorted[n % Math.max(1, this.sorted.length)];
    return row !== undefined && this.flip(row) ? row : undefined;
  }

  /** Whether there is damage that the node has not found yet, or not mended yet. */
  get isDamaged(): boolean {
    const areFlipped = [...this.#flipped].some(([row, record]) => this.rows.get(row) === record);
    return (
      areFlipped ||
      this.rowToFlip !== undefined ||
      this.unreadable.length + this.suspects.length > 0 ||
      this.salvage !== undefined
    );
  }

  /** Flips a bit of a record. Returns whether the row exists. */
  flip(row: string): boolean {
    const record = this.rows.get(row);
    if (record === undefined || record.length === 0) return false;
    const copy = record.slice();
    copy[copy.length - 1] = (copy[copy.length - 1] as number) ^ 1;
    this.rows.set(row, copy);
    this.#flipped.set(row, copy);
    return true;
  }

  /** Flips a bit of the object of a key. */
  rot(key: string): boolean {
    return this.flip(objectRow(partitionOf(key), key));
  }

  /** Flips a bit of the next record of a key that is written. */
  flipWhenWritten(key: string): void {
    this.rowToFlip = objectRow(partitionOf(key), key);
  }

  /** Makes a block unreadable: the n-th record and some after it. */
  makeUnreadable(n: number, rows: number): LostRange | undefined {
    const first = this.sorted[n % Math.max(1, this.sorted.length)];
    const last =
      this.sorted[Math.min((n % Math.max(1, this.sorted.length)) + rows, this.sorted.length) - 1];
    if (first === undefined || last === undefined) return undefined;
    this.unreadable.push({ first, last });
    return { first, last };
  }

  /** Loses the objects of some keys. A look at the disk finds only that rows were lost. */
  wound(keys: readonly string[]): void {
    for (const key of keys) this.lose(key);
    this.suspects.push({ first: '', last: undefined });
  }

  /** Examines the whole disk, and takes the rows off that cannot be read. */
  #examine(): void {
    this.isSuspect = false;
    const lost = this.unreadable;
    const suspects = this.suspects;
    if (lost.length + suspects.length === 0) return;
    this.unreadable = [];
    this.suspects = [];
    for (const key of this.sorted)
      if (lost.some((range) => isWithin(key, range))) this.rows.delete(key);
    this.#sorted = undefined;
    this.salvage = {
      lost: [...lost, ...suspects, ...(this.salvage?.lost ?? [])],
      report: 'unreadable rows',
      recoveredRows: async function* recoveredRows() {},
      end: async () => void (this.salvage = undefined),
    };
  }

  /** Silently loses the object of a key: no look at the disk finds it. */
  lose(key: string): void {
    const row = objectRow(partitionOf(key), key);
    if (this.rows.delete(row)) this.#sorted = undefined;
  }

  /**
   * Flips a bit of the last character of an object's row. LevelDB verifies no keys when it reads.
   */
  misplace(key: string): void {
    const row = objectRow(partitionOf(key), key);
    const record = this.rows.get(row);
    if (record === undefined) return;
    this.rows.set(
      row.slice(0, -1) + String.fromCharCode(row.charCodeAt(row.length - 1) ^ 1),
      record,
    );
    this.lose(key);
  }

  /** Opens the store for one life of the node. */
  open(world: World, life: Life): Engine {
    this.views.clear();
    if (this.isSuspect) this.#examine();
    return new SimEngine(world, life, this);
  }
}

class SimEngine implements Engine {
  readonly salvage: Salvage | undefined;
  readonly #world: World;
  readonly #life: Life;
  readonly #disk: SimDisk;
  #isOpen = true;

  constructor(world: World, life: Life, disk: SimDisk) {
    this.#world = world;
    this.#life = life;
    this.#disk = disk;
    this.salvage = disk.salvage;
  }

  get(key: string): Uint8Array | undefined {
    this.#assertOpen();
    return this.#disk.get(key);
  }

  commit(changes: readonly RowChange[]): Promise<void> {
    const disk = this.#disk;
    const { dice } = this.#world;
    return new Promise((resolve, reject) => {
      if (disk.liesAboutSync) this.#world.after(0, () => this.#life.run(resolve));
      // The machine ends the sync, or not, even if the process is paused.
      disk.writing += 1;
      const end = (): void => {
        disk.writing -= 1;
        if (this.#life.isOver) return;
        if (!this.#isOpen) return this.#life.run(() => reject(new MecError('disk-failed')));
        const error = disk.isFull
          ? 'disk-full'
          : dice.chance(disk.failRate)
            ? 'disk-failed'
            : undefined;
        if (error === undefined) disk.apply(changes);
        this.#life.run(error === undefined ? resolve : () => reject(new MecError(error)));
      };
      this.#world.after(disk.delayMs * (0.5 + dice.fraction()), () => disk.finish(end));
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
    const view = new MemorySnapshot(this.#disk);
    views.add(view);
    const past = (): MemorySnapshot => {
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

  async purge(): Promise<void> {
    this.#assertOpen();
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

  async verify(): Promise<void> {
    this.#assertOpen();
    if (this.#disk.unreadable.length + this.#disk.suspects.length > 0)
      throw new MecError('damaged');
  }

  async suspect(): Promise<void> {
    this.#disk.isSuspect = true;
    await this.abandon();
  }

  #assertOpen(): void {
    if (!this.#isOpen || this.#life.isOver) throw new MecError('disk-failed');
  }
}

function isWithin(key: string, { first, last }: LostRange): boolean {
  return compareUtf8(key, first) >= 0 && (last === undefined || compareUtf8(key, last) <= 0);
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
