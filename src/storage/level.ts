/** The engine on LevelDB: `<root>/leveldb` is LevelDB's own directory. */
import { open, rename, rm, stat, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { ClassicLevel } from 'classic-level';
import { MecError, messageOf, StartError } from '../base/errors.ts';
import { LEVEL_BATCH_KEEP_BYTES, LEVEL_CACHE_BYTES, LEVEL_WRITE_BUFFER_BYTES } from '../base/limits.ts';
import { makeDirectory } from './directory.ts';
import type { Change, Engine, Row, RowReader, ScanRange, Snapshot } from './engine.ts';

type Database = ClassicLevel<string, Uint8Array>;
type NativeSnapshot = ReturnType<Database['snapshot']>;

/** Opens the LevelDB store in a directory, creating it where there is none. */
export async function openLevelEngine(root: string): Promise<Engine> {
  await makeRoot(root);
  const database: Database = new ClassicLevel<string, Uint8Array>(join(root, 'leveldb'), {
    keyEncoding: 'utf8',
    valueEncoding: 'view',
    writeBufferSize: LEVEL_WRITE_BUFFER_BYTES,
    cacheSize: LEVEL_CACHE_BYTES,
  });
  try {
    await database.open();
  } catch (error) {
    throw new StartError(whyNotOpen(root, error), { cause: error });
  }
  return new LevelEngine(database, root);
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

function whyNotOpen(root: string, error: unknown): string {
  const cause = error instanceof Error ? error.cause : undefined;
  const code = cause instanceof Error && 'code' in cause ? cause.code : undefined;
  if (code === 'LEVEL_LOCKED') return `The data directory ${root} is in use by another process`;
  return `The store in ${root} cannot be opened: ${messageOf(error)}`;
}

/** Renames the store to the first free of `leveldb-damaged-1`, `-2`, …; nothing is ever deleted. */
async function moveAside(root: string): Promise<void> {
  for (let i = 1; ; i++) {
    const target = join(root, `leveldb-damaged-${i}`);
    const isFree = await stat(target).then(
      () => false,
      () => true,
    );
    if (isFree) return rename(join(root, 'leveldb'), target);
  }
}

function toDiskError(error: unknown): MecError {
  const message = messageOf(error);
  if (/corruption|checksum|bad block|truncated/i.test(message)) return new MecError('damaged', {}, error);
  const isFull = /no space left|disk quota|ENOSPC|EDQUOT/i.test(message);
  return new MecError(isFull ? 'disk-full' : 'disk-failed', {}, error);
}

/**
 * What `abstract-level` asks of a chained batch's implementation. Its own `put` and `write` would do as well, but that batch can be
 * written once, and its native half keeps what was written until the garbage collector finds it, which does not know how large that is:
 * a node that wrote much and made little garbage held hundreds of MB. (An array of operations is freed at once, and costs the event
 * loop four times as much.)
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

  async scan({ from, to, limit }: ScanRange): Promise<Row[]> {
    try {
      return await this.#database.iterator({ gte: from, lt: to, limit, fillCache: false, ...this.#view }).all();
    } catch (error) {
      throw toDiskError(error);
    }
  }

  async keys({ from, to, limit }: ScanRange): Promise<string[]> {
    try {
      return await this.#database.keys({ gte: from, lt: to, limit, fillCache: false, ...this.#view }).all();
    } catch (error) {
      throw toDiskError(error);
    }
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
  /** Empty, and not in use. */
  #spare: NativeBatch | undefined;
  #isBroken = false;

  constructor(database: Database, root: string) {
    this.#database = database;
    this.#reader = new LevelReader(database);
    this.#root = root;
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

  async commit(changes: readonly Change[], sync: boolean): Promise<void> {
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

  async close(): Promise<void> {
    if (this.#database.status !== 'open') return;
    // With `sync = false` earlier batches may not be on disk yet; this one takes them along.
    if (!this.#isBroken) await this.#database.batch([{ type: 'del', key: '\0' }], { sync: true });
    await this.abandon();
  }

  async abandon(): Promise<void> {
    await this.#database.close();
  }

  async setAside(): Promise<void> {
    await this.abandon();
    await moveAside(this.#root);
  }
}
