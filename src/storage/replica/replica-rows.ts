/**
 * The rows of one replica, read from disk in pages. Rows that are not durable yet are not seen,
 * but by the number of objects and by the filter of absent keys.
 */
import { compareUtf8 } from '../../base/bytes.ts';
import { SCAN_PAGE_ROWS } from '../limits.ts';
import type { CommitQueue } from '../commit-queue.ts';
import type { Engine, Row, RowReader, Snapshot } from '../engine.ts';
import * as keyspace from '../keyspace.ts';
import { KeyFilter } from './key-filter.ts';

/** Scans the rows of one partition, and counts its objects. */
export class ReplicaRows {
  readonly partition: number;
  readonly #engine: RowReader;
  /** The durable objects with a version when they were counted, less those that `#come` has. */
  #counted: number | undefined;
  /** The objects that have come since the start, less those that have gone. */
  #added = 0;
  /** Has every key with an object; undefined until the first count. */
  #filter: KeyFilter | undefined;
  /** The filter that a count is making. */
  #nextFilter: KeyFilter | undefined;

  constructor(partition: number, engine: RowReader) {
    this.partition = partition;
    this.#engine = engine;
  }

  /** The number of objects with a version; undefined until they have been counted. */
  get objects(): number | undefined {
    return this.#counted === undefined ? undefined : this.#counted + this.#added;
  }

  /** Whether the objects must be counted: for the first time, or because the filter is full. */
  get isCountDue(): boolean {
    return this.#filter?.isFull ?? true;
  }

  /** Whether the replica surely has no object of a key, so that no disk must be asked. */
  isSurelyAbsent(key: string): boolean {
    return this.#filter?.mayHave(key) === false;
  }

  /** Counts the change of an object that had `before` versions and has `after`. */
  countChange(key: string, { before, after }: { before: number; after: number }): void {
    this.#added += Number(after > 0) - Number(before > 0);
    if (before > 0 || after === 0) return;
    this.#filter?.add(key);
    this.#nextFilter?.add(key);
  }

  /**
   * Counts the objects, if that is due, and fills a filter with their keys: those of a snapshot,
   * and those in the commit queue at that moment. A scan of the store itself would miss the writes
   * in the queue, or count a write twice that is committed during the scan.
   */
  async count({
    engine,
    queue,
  }: {
    readonly engine: Engine;
    readonly queue: CommitQueue;
  }): Promise<void> {
    if (!this.isCountDue || this.#nextFilter !== undefined) return;
    const range = keyspace.partitionRange('o', this.partition);
    const filter = new KeyFilter(this.objects ?? 0);
    this.#nextFilter = filter;
    try {
      const { view, less } = await this.#viewBetweenBatches({ engine, queue });
      try {
        this.#counted = (await countRows(view, { ...range, filter })) - less;
        this.#filter = filter;
      } finally {
        await view.close();
      }
    } finally {
      this.#nextFilter = undefined;
    }
  }

  #viewBetweenBatches({
    engine,
    queue,
  }: {
    readonly engine: Engine;
    readonly queue: CommitQueue;
  }): Promise<{ view: Snapshot; less: number }> {
    return new Promise((resolve, reject) => {
      queue.runBetweenBatches((error) => {
        if (error !== undefined) return reject(error);
        const onTheirWay = queue.pendingRows(keyspace.partitionRange('o', this.partition));
        for (const [row] of onTheirWay) this.#nextFilter?.add(keyspace.keyOfRow(row));
        const isNew = ([row, value]: readonly [string, unknown]): number =>
          Number(value !== undefined) - Number(engine.get(row) !== undefined);
        const come = onTheirWay.reduce((sum, row) => sum + isNew(row), 0);
        resolve({ view: engine.snapshot(), less: this.#added - come });
      });
    });
  }

  /** Returns the keys after `after` with an object or a residue, in order, at most `limit`. */
  async keysAfter(after: string | undefined, limit: number): Promise<string[]> {
    const found = new Set<string>();
    for (const kind of ['o', 'r'] as const) {
      const range = keyspace.partitionRange(kind, this.partition);
      const from = after === undefined ? range.from : `${range.from}${after}\0`;
      for (const row of await this.#engine.keys({ ...range, from, limit }))
        found.add(keyspace.keyOfRow(row));
    }
    return [...found].sort(compareUtf8).slice(0, limit);
  }

  /** Returns the objects after `after` up to and with `until`, in order, at most `limit`. */
  objectsAfter(
    after: string | undefined,
    until: string | undefined,
    limit: number,
  ): Promise<Row[]> {
    const range = keyspace.partitionRange('o', this.partition);
    const from = after === undefined ? range.from : `${range.from}${after}\0`;
    const to = until === undefined ? range.to : `${range.from}${until}\0`;
    return this.#engine.scan({ from, to, limit });
  }

  /** Returns the keys with an object from `from` on and below `to`, in order, at most `limit`. */
  async objectKeys({
    from,
    to,
    limit,
  }: {
    from: string;
    to: string | undefined;
    limit: number;
  }): Promise<string[]> {
    const range = keyspace.partitionRange('o', this.partition);
    const end = to === undefined ? range.to : range.from + to;
    const rows = await this.#engine.keys({ from: range.from + from, to: end, limit });
    return rows.map(keyspace.keyOfRow);
  }

  /** Returns the keys between two keys, without these, at most `limit`. */
  async keysBetween(
    after: string | undefined,
    before: string | undefined,
    limit: number,
  ): Promise<string[]> {
    const keys = await this.keysAfter(after, limit);
    return before === undefined ? keys : keys.filter((key) => compareUtf8(key, before) < 0);
  }

  /** Visits all rows of a kind, page by page. */
  async each(kind: keyspace.RowKind, visit: (row: Row) => void): Promise<void> {
    const range = keyspace.partitionRange(kind, this.partition);
    for (let from = range.from; ;) {
      const page = await this.#engine.scan({ ...range, from, limit: SCAN_PAGE_ROWS });
      page.forEach(visit);
      const last = page[page.length - 1];
      if (last === undefined || page.length < SCAN_PAGE_ROWS) return;
      from = `${last[0]}\0`;
    }
  }

  /** Returns the names of all rows. */
  async all(): Promise<string[]> {
    const rows: string[] = [];
    for (const kind of keyspace.ROW_KINDS) await this.each(kind, ([row]) => rows.push(row));
    return rows;
  }
}

async function countRows(
  reader: RowReader,
  { filter, ...range }: { readonly from: string; readonly to: string; readonly filter: KeyFilter },
): Promise<number> {
  let count = 0;
  for (let { from } = range; ;) {
    const keys = await reader.keys({ ...range, from, limit: SCAN_PAGE_ROWS });
    count += keys.length;
    for (const row of keys) filter.add(keyspace.keyOfRow(row));
    const last = keys[keys.length - 1];
    if (last === undefined || keys.length < SCAN_PAGE_ROWS) return count;
    from = `${last}\0`;
  }
}
