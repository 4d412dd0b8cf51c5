/**
 * The engine on LevelDB. `<root>/leveldb` is LevelDB's own directory, and `<root>/lock` keeps other
 * processes from it; `<root>/starting` counts starts that did not last; `<root>/leveldb-damaged-1`
 * and so on keep the files of damaged stores as they were.
 */
import { open, readdir, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { ClassicLevel } from 'classic-level';
import { MecError, messageOf, StartError } from '../base/errors.ts';
import { LEVEL_BATCH_KEEP_BYTES, LEVEL_CACHE_BYTES, LEVEL_WRITE_BUFFER_BYTES, LOCK_BUFFER_BYTES } from './limits.ts';
import { isDamage, toDiskError } from './damage.ts';
import { makeDirectory } from './directory.ts';
import type { RowChange, Engine, Row, RowReader, Salvage, ScanRange, Snapshot } from './engine.ts';
import { mendStore } from './level-files/mend.ts';
import { demandLook, forgetStarts, MAX_STARTS, noteStart } from './level-files/starts.ts';
import { Verifier } from './level-files/verifier.ts';

type Database = ClassicLevel<string, Uint8Array>;
type NativeSnapshot = ReturnType<Database['snapshot']>;

/** What an engine tells people. */
export interface LevelOptions {
  /** A sentence for the log. */
  readonly onRemark?: ((remark: string) => void) | undefined;
}

/** Opens the LevelDB store in a directory; creates it if there is none, and mends it if it is damaged. */
export async function openLevelEngine(root: string, { onRemark = () => {} }: LevelOptions = {}): Promise<Engine> {
  await makeRoot(root);
  const lock = await takeLock(root);
  try {
    const isSuspect = (await noteStart(root)) > MAX_STARTS;
    // What LevelDB finds wrong, and a quick look has not, a thorough one finds.
    return await tryOpen(root, { lock, isThorough: isSuspect, onRemark }).catch(async (error: unknown) => {
      if (isSuspect || !isDamage(toDiskError(error))) throw error;
      return tryOpen(root, { lock, isThorough: true, onRemark });
    });
  } catch (error) {
    await lock.close();
    throw new StartError(whyNotOpen(root, error), { cause: error });
  }
}

interface Attempt {
  readonly lock: Database;
  readonly isThorough: boolean;
  readonly onRemark: (remark: string) => void;
}

async function tryOpen(root: string, { lock, isThorough, onRemark }: Attempt): Promise<Engine> {
  const repair = (directory: string): Promise<void> => ClassicLevel.repair(directory);
  const salvage = await mendStore({ root, isThorough, repair, onRemark });
  const database: Database = new ClassicLevel<string, Uint8Array>(join(root, 'leveldb'), {
    keyEncoding: 'utf8',
    valueEncoding: 'view',
    writeBufferSize: LEVEL_WRITE_BUFFER_BYTES,
    cacheSize: LEVEL_CACHE_BYTES,
  });
  await database.open();
  return new LevelEngine(root, { database, lock, salvage });
}

/**
 * LevelDB locks a store only when it opens it. Its files are looked at before that, and must not
 * belong to another process; so an empty store next to it is the lock.
 */
async function takeLock(root: string): Promise<Database> {
  const path = join(root, 'lock');
  const lock: Database = new ClassicLevel<string, Uint8Array>(path, { writeBufferSize: LOCK_BUFFER_BYTES });
  try {
    await lock.open();
  } catch (error) {
    if (isLocked(error)) throw new StartError(whyNotOpen(root, error), { cause: error });
    // There is nothing in it that could be lost.
    await ClassicLevel.destroy(path);
    await lock.open().catch((again: unknown) => {
      throw new StartError(whyNotOpen(root, again), { cause: again });
    });
  }
  return lock;
}

async function makeRoot(root: string): Promise<void> {
  try {
    await makeDirectory(root);
    // LevelDB reports an unwritable directory late and obscurely, so try it here.
    const probe = await open(join(root, '.probe'), 'w');
    await probe.close();
    await rm(join(root, '.probe'));
  } catch (error) {
    throw new StartError(`The data directory ${root} cannot be written: ${messageOf(error)}`, { cause: error });
  }
}

function isLocked(error: unknown): boolean {
  const cause = error instanceof Error ? error.cause : undefined;
  return cause instanceof Error && 'code' in cause && cause.code === 'LEVEL_LOCKED';
}

function whyNotOpen(root: string, error: unknown): string {
  if (isLocked(error)) return `The data directory ${root} is in use by another process`;
  return `The store in ${root} cannot be opened: ${messageOf(error)}`;
}

/**
 * What `abstract-level` asks of a chained batch's implementation. Its own `put` and `write` would
 * do as well, but that batch can be written once, and its native half keeps what was written until
 * the garbage collector finds it, which does not know how large that is: a node that wrote much and
 * made little garbage held hundreds of MB. (An array of operations is freed at once, and costs the
 * event loop four times as much.)
 */
interface NativeBatch {
  _put(key: string, value: Uint8Array): void;
  _del(key: string): void;
  _write(options: { readonly sync: boolean }): Promise<void>;
  _clear(): void;
  close(): Promise<void>;
}

/** Reads the database, as it is or as a native snapshot has it. */
class LevelReader implements RowReader {
  readonly #database: Database;
  /** Undefined if there is none: without options `getSync` takes a shorter way. */
  readonly #view: { readonly snapshot: NativeSnapshot } | undefined;

  constructor(database: Database, snapshot?: NativeSnapshot) {
    this.#database = database;
    this.#view = snapshot && { snapshot };
  }

  get(key: string): Uint8Array | undefined {
    try {
      return this.#view === undefined ? this.#database.getSync(key) : this.#database.getSync(key, this.#view);
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

  #options({ from, to }: ScanRange): { gte: string; lt: string; fillCache: boolean; snapshot?: NativeSnapshot } {
    return { gte: from, lt: to, fillCache: false, ...this.#view };
  }
}

/** The part of an iterator that a page takes. */
interface PageSource<Entry> {
  nextv(size: number): Promise<Entry[]>;
  seek(target: string): void;
  close(): Promise<void>;
}

/**
 * Reads a page. LevelDB passes over a block that it cannot read, and says so only to those who come
 * to the end of their range. So a page that ends before it goes to the end, or rows would be
 * missing from it without a word, and be taken for deleted.
 */
async function readPage<Entry>(open: () => PageSource<Entry>, { to, limit }: ScanRange): Promise<Entry[]> {
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

/** The database closes it as well when it is closed itself. */
class LevelSnapshot extends LevelReader implements Snapshot {
  readonly #snapshot: NativeSnapshot;

  constructor(database: Database, snapshot: NativeSnapshot) {
    super(database, snapshot);
    this.#snapshot = snapshot;
  }

  close(): Promise<void> {
    return this.#snapshot.close();
  }
}

class LevelEngine implements Engine {
  readonly #database: Database;
  readonly #reader: LevelReader;
  readonly #root: string;
  readonly #lock: Database;
  readonly #verifier: Verifier;
  readonly salvage: Salvage | undefined;
  /** Empty, and not in use. */
  #spare: NativeBatch | undefined;
  #isBroken = false;

  constructor(
    root: string,
    { database, lock, salvage }: { database: Database; lock: Database; salvage: Salvage | undefined },
  ) {
    this.#root = root;
    this.#database = database;
    this.#reader = new LevelReader(database);
    this.#lock = lock;
    this.#verifier = new Verifier(join(root, 'leveldb'));
    this.salvage = salvage;
  }

  get(key: string): Uint8Array | undefined {
    return this.#reader.get(key);
  }

  async diskBytes(): Promise<number> {
    const directory = join(this.#root, 'leveldb');
    const names = await readdir(directory).catch(() => []);
    // LevelDB removes files at any time.
    const sizes = names.map((name) =>
      stat(join(directory, name)).then(
        ({ size }) => size,
        () => 0,
      ),
    );
    return (await Promise.all(sizes)).reduce((sum, size) => sum + size, 0);
  }

  async commit(changes: readonly RowChange[], sync: boolean): Promise<void> {
    try {
      const batch = this.#spare ?? (this.#database.batch() as unknown as NativeBatch);
      this.#spare = undefined;
      let bytes = 0;
      for (const { key, value } of changes) {
        bytes += key.length + (value?.length ?? 0);
        if (value === undefined) batch._del(key);
        else batch._put(key, value);
      }
      await batch._write({ sync });
      batch._clear();
      if (bytes <= LEVEL_BATCH_KEEP_BYTES) this.#spare = batch;
      else await batch.close();
    } catch (error) {
      this.#isBroken = true;
      throw toDiskError(error);
    }
  }

  scan(range: ScanRange): Promise<Row[]> {
    return this.#reader.scan(range);
  }

  keys(range: ScanRange): Promise<string[]> {
    return this.#reader.keys(range);
  }

  snapshot(): Snapshot {
    try {
      return new LevelSnapshot(this.#database, this.#database.snapshot());
    } catch (error) {
      throw toDiskError(error);
    }
  }

  async verify(bytes: number): Promise<void> {
    const { rounds } = this.#verifier;
    const damaged = await this.#verifier.step(bytes);
    if (damaged !== undefined) throw new MecError('damaged', {}, new Error(`${damaged} is not as it was written`));
    // All that was there at the start has been looked through.
    if (rounds < 2 && this.#verifier.rounds >= 2) await forgetStarts(this.#root);
  }

  async close(): Promise<void> {
    if (this.#database.status !== 'open') return;
    // With `sync = false` earlier batches may not be on disk yet; this one takes them along.
    if (!this.#isBroken) {
      await this.#database.batch([{ type: 'del', key: '\0' }], { sync: true });
      await forgetStarts(this.#root);
    }
    await this.abandon();
  }

  async abandon(): Promise<void> {
    await this.#database.close();
    await this.#lock.close();
  }

  async suspect(): Promise<void> {
    await demandLook(this.#root);
    await this.abandon();
  }
}
