/** Reads LevelDB: rows, pages of rows, and snapshots. */
import { toDiskError } from './damage.ts';
import type { Row, RowReader, ScanRange, Snapshot } from './engine.ts';
import type { Database, NativeSnapshot } from './level-database.ts';

/** Reads the database as it is, or as it was at the moment of a snapshot. */
export class LevelReader implements RowReader {
  readonly #database: Database;
  /**
   * The option for a snapshot; undefined without one, because `getSync` is faster without options.
   */
  readonly #view: { readonly snapshot: NativeSnapshot } | undefined;

  constructor(database: Database, snapshot?: NativeSnapshot) {
    this.#database = database;
    this.#view = snapshot && { snapshot };
  }

  get(key: string): Uint8Array | undefined {
    try {
      return this.#view === undefined
        ? this.#database.getSync(key)
        : this.#database.getSync(key, this.#view);
    } catch (error) {
      throw toDiskError(error);
    }
  }

  scan(range: ScanRange): Promise<Row[]> {
    return readPage(() => this.#database.iterator(this.#options(range)), range);
  }

  keys(range: ScanRange): Promise<string[]> {
    return readPage(() => this.#database.keys(this.#options(range)), range);
  }

  #options({ from, to }: ScanRange): {
    gte: string;
    lt: string;
    fillCache: boolean;
    snapshot?: NativeSnapshot;
  } {
    return { gte: from, lt: to, fillCache: false, ...this.#view };
  }
}

/** The part of an iterator that reads a page. */
interface PageSource<Entry> {
  nextv(size: number): Promise<Entry[]>;
  seek(target: string): void;
  close(): Promise<void>;
}

/**
 * Reads a page. LevelDB skips a block that it cannot read, and reports that only at the end of the
 * range. So a full page seeks the end too. Otherwise rows would be missing from it without an
 * error, and count as deleted.
 */
async function readPage<Entry>(
  open: () => PageSource<Entry>,
  { to, limit }: ScanRange,
): Promise<Entry[]> {
  let source: PageSource<Entry> | undefined;
  try {
    source = open();
    const page: Entry[] = [];
    while (page.length < limit) {
      const entries = await source.nextv(limit - page.length);
      if (entries.length === 0) return page;
      page.push(...entries);
    }
    source.seek(to);
    await source.nextv(1);
    return page;
  } catch (error) {
    throw toDiskError(error);
  } finally {
    await source?.close();
  }
}

/** A snapshot of the database. Closing the database closes it, too. */
export class LevelSnapshot extends LevelReader implements Snapshot {
  readonly #snapshot: NativeSnapshot;

  constructor(database: Database, snapshot: NativeSnapshot) {
    super(database, snapshot);
    this.#snapshot = snapshot;
  }

  close(): Promise<void> {
    return this.#snapshot.close();
  }
}
