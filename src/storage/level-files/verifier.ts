/**
 * Verifies the tables of an open store, a few blocks at a time, in rounds. LevelDB reads damaged
 * blocks as if they were sound.
 *
 * A table without an index may be one that LevelDB is writing, for seconds on a busy disk. It is
 * damaged only if the manifest had named it before it was read: LevelDB names a table when it is
 * complete.
 */
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { readOpenManifest } from './manifest-file.ts';
import { type Extent, isSound, readTable } from './table-file.ts';

interface OpenTable {
  readonly name: string;
  /** Undefined if LevelDB has removed the file. */
  readonly file: Uint8Array | undefined;
  readonly blocks: readonly Extent[];
  next: number;
}

/** The verification of one store. */
export class Verifier {
  readonly #directory: string;
  /** The rounds that have begun. In each, every table is verified. */
  rounds = 0;
  #waiting: string[] = [];
  #table: OpenTable | undefined;
  /** The tables without an index in the last round that the manifest named. */
  #endless = new Set<string>();

  constructor(directory: string) {
    this.#directory = directory;
  }

  /**
   * Verifies about `bytes` of the tables. Resolves with the name of a damaged one; else undefined.
   */
  async step(bytes: number): Promise<string | undefined> {
    for (let left = bytes; left > 0;) {
      const table = (this.#table ??= await this.#nextTable());
      if (table === undefined) return undefined;
      const block = table.blocks[table.next];
      if (block === undefined) {
        this.#table = undefined;
        // Opening a file costs time, too.
        left -= Math.ceil(bytes / 16);
        if (await this.#hasLostIndex(table)) return table.name;
        continue;
      }
      table.next += 1;
      left -= block.size;
      if (table.file !== undefined && !isSound(table.file, block)) return table.name;
    }
    return undefined;
  }

  /** Whether a table has no index, although the manifest named it when the last round saw it. */
  async #hasLostIndex({ name, file, blocks }: OpenTable): Promise<boolean> {
    if (file === undefined || blocks.length > 0) return false;
    if (this.#endless.has(name)) return true;
    const manifest = await readOpenManifest(this.#directory);
    if (manifest?.tables.has(Number.parseInt(name, 10)) === true) this.#endless.add(name);
    return false;
  }

  async #nextTable(): Promise<OpenTable | undefined> {
    if (this.#waiting.length === 0) {
      const entries = await readdir(this.#directory, { withFileTypes: true }).catch(() => []);
      const tables = entries.filter((entry) => entry.isFile() && entry.name.endsWith('.ldb'));
      this.#waiting = tables.map(({ name }) => name).sort();
      this.rounds += 1;
      this.#endless = new Set([...this.#endless].filter((name) => this.#waiting.includes(name)));
    }
    const name = this.#waiting.shift();
    if (name === undefined) return undefined;
    const file = await readFile(join(this.#directory, name)).catch((error: unknown) => {
      // A file that the disk cannot read has no index.
      const { code } = error as NodeJS.ErrnoException;
      return code === 'ENOENT' ? undefined : new Uint8Array();
    });
    const table = file && readTable(file);
    const blocks = table?.isSound === true ? [...table.blocks, ...table.spare] : [];
    return { name, file, blocks, next: 0 };
  }
}
