/** An open LevelDB store as an engine. */
import { readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { MecError } from '../base/errors.ts';
import { toDiskError } from './damage.ts';
import type { Engine, Row, RowChange, Salvage, ScanRange, Snapshot } from './engine.ts';
import type { Database } from './level-database.ts';
import { forgetStarts, requestFullExamination } from './level-files/starts.ts';
import { Verifier } from './level-files/verifier.ts';
import { LevelReader, LevelSnapshot } from './level-reader.ts';
import { LEVEL_BATCH_KEEP_BYTES } from './limits.ts';

/**
 * The methods below the public ones of a chained batch of `abstract-level`. A batch of the public
 * `put` and `write` can be written only once. Its native half then keeps the rows until a garbage
 * collection that does not know their size: a node that wrote much and made little garbage held
 * hundreds of MB. An array of operations is freed at once, but costs the event loop four times as
 * much.
 */
interface NativeBatch {
  _put(key: string, value: Uint8Array): void;
  _del(key: string): void;
  _write(options: { readonly sync: boolean }): Promise<void>;
  _clear(): void;
  close(): Promise<void>;
}

/** The engine on a database. */
export class LevelEngine implements Engine {
  readonly #database: Database;
  readonly #reader: LevelReader;
  readonly #root: string;
  readonly #lock: Database;
  readonly #verifier: Verifier;
  readonly salvage: Salvage | undefined;
  /** An empty batch for the next commit. */
  #spare: NativeBatch | undefined;
  #isBroken = false;

  constructor(
    root: string,
    {
      database,
      lock,
      salvage,
    }: { database: Database; lock: Database; salvage: Salvage | undefined },
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
    // LevelDB may remove a file between the two calls.
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

  async purge(from: string, to: string): Promise<void> {
    try {
      await this.#database.compactRange(from, to);
    } catch (error) {
      throw toDiskError(error);
    }
  }

  async verify(bytes: number): Promise<void> {
    const { rounds } = this.#verifier;
    const damaged = await this.#verifier.step(bytes);
    if (damaged !== undefined)
      throw new MecError('damaged', {}, new Error(`table ${damaged} is damaged`));
    // By the second round, every table that was there at the start has been verified.
    if (rounds < 2 && this.#verifier.rounds >= 2) await forgetStarts(this.#root);
  }

  async close(): Promise<void> {
    if (this.#database.status !== 'open') return;
    // Earlier batches without `sync` may not be on disk yet. Syncing one more batch syncs them,
    // too.
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
    await requestFullExamination(this.#root);
    await this.abandon();
  }
}
