/**
 * Verifies the tables of an open store, a few blocks at a time, in rounds. LevelDB reads damaged
 * blocks as if they were sound.
 */
import { readdir, readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { type Extent, isSound, readTable } from './table-file.ts';

interface OpenTable {
  readonly name: string;
  readonly file: Uint8Array;
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
  /**
   * Tables without an index in the last round, with size and time: LevelDB may have been writing
   * them.
   */
  #endless = new Map<string, string>();

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
        if (await this.#isStillEndless(table)) return table.name;
        continue;
      }
      table.next += 1;
      left -= block.size;
      if (!isSound(table.file, block)) return table.name;
    }
    return undefined;
  }

  /** Whether a table had no index in the last round, and has not changed since. */
  async #isStillEndless({ name, blocks }: OpenTable): Promise<boolean> {
    if (blocks.length > 0) return false;
    const sight = await stat(join(this.#directory, name)).then(
      ({ size, mtimeMs }) => `${size} ${mtimeMs}`,
      () => undefined,
    );
    if (sight === undefined) return false;
    const isSame = this.#endless.get(name) === sight;
    this.#endless.set(name, sight);
    return isSame;
  }

  async #nextTable(): Promise<OpenTable | undefined> {
    if (this.#waiting.length === 0) {
      const entries = await readdir(this.#directory, { withFileTypes: true }).catch(() => []);
      const tables = entries.filter((entry) => entry.isFile() && entry.name.endsWith('.ldb'));
      this.#waiting = tables.map(({ name }) => name).sort();
      this.rounds += 1;
      this.#endless = new Map([...this.#endless].filter(([name]) => this.#waiting.includes(name)));
    }
    const name = this.#waiting.shift();
    if (name === undefined) return undefined;
    // LevelDB may have removed the table.
    const file = await readFile(join(this.#directory, name)).catch(() => undefined);
    if (file === undefined) return { name, file: new Uint8Array(), blocks: [], next: 0 };
    const table = readTable(file);
    const blocks = table?.isSound === true ? [...table.blocks, ...table.spare] : [];
    return { name, file, blocks, next: 0 };
  }
}
