/** The rows of one replica, read from disk in pages: what is not durable yet is not seen. */
import { compareUtf8 } from '../base/bytes.ts';
import { SCAN_PAGE_ROWS } from '../base/limits.ts';
import type { Engine, Row } from './engine.ts';
import * as keyspace from './keyspace.ts';

/** Scans of one partition's rows. */
export class ReplicaRows {
  readonly #partition: number;
  readonly #engine: Engine;

  constructor(partition: number, engine: Engine) {
    this.#partition = partition;
    this.#engine = engine;
  }

  /** The keys with an object or a residue after a key, in order; `limit` at most. */
  async keysAfter(after: string | undefined, limit: number): Promise<string[]> {
    const found = new Set<string>();
    for (const kind of ['o', 'r'] as const) {
      const range = keyspace.partitionRange(kind, this.#partition);
      const from = after === undefined ? range.from : `${range.from}${after}\0`;
      for (const row of await this.#engine.keys({ ...range, from, limit })) found.add(keyspace.keyOfRow(row));
    }
    return [...found].sort(compareUtf8).slice(0, limit);
  }

  /** The objects after a key, up to another (that included), in order; `limit` at most. */
  objectsAfter(after: string | undefined, until: string | undefined, limit: number): Promise<Row[]> {
    const range = keyspace.partitionRange('o', this.#partition);
    const from = after === undefined ? range.from : `${range.from}${after}\0`;
    const to = until === undefined ? range.to : `${range.from}${until}\0`;
    return this.#engine.scan({ from, to, limit });
  }

  /** The keys with an object, from `from` on and below `to`, in order; `limit` at most. */
  async objectKeys({ from, to, limit }: { from: string; to: string | undefined; limit: number }): Promise<string[]> {
    const range = keyspace.partitionRange('o', this.#partition);
    const end = to === undefined ? range.to : range.from + to;
    const rows = await this.#engine.keys({ from: range.from + from, to: end, limit });
    return rows.map(keyspace.keyOfRow);
  }

  /** The keys between two keys, both not included; `limit` at most. */
  async keysBetween(after: string | undefined, before: string | undefined, limit: number): Promise<string[]> {
    const keys = await this.keysAfter(after, limit);
    return before === undefined ? keys : keys.filter((key) => compareUtf8(key, before) < 0);
  }

  /** Visits all rows of a kind, page by page. */
  async each(kind: keyspace.RowKind, visit: (row: Row) => void): Promise<void> {
    const range = keyspace.partitionRange(kind, this.#partition);
    for (let from = range.from; ;) {
      const page = await this.#engine.scan({ ...range, from, limit: SCAN_PAGE_ROWS });
      page.forEach(visit);
      const last = page[page.length - 1];
      if (last === undefined || page.length < SCAN_PAGE_ROWS) return;
      from = `${last[0]}\0`;
    }
  }

  /** The names of all rows. */
  async all(): Promise<string[]> {
    const rows: string[] = [];
    for (const kind of ['c', 'e', 'l', 'o', 'r'] as const) await this.each(kind, ([row]) => rows.push(row));
    return rows;
  }
}
