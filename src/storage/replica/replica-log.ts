/**
 * The log of a replica: for each dot, the key of the write. A peer that lacks dots gets the objects
 * of these keys, and no others. An entry is written in one batch with the object. It is cut
 * (removed) when every holder has seen its dot.
 */
import { SCAN_PAGE_ROWS } from '../limits.ts';
import type { CausalContext, Dot } from '../../core/causality/causal-context.ts';
import type { RowChange, Engine, Row } from '../engine.ts';
import * as keyspace from '../keyspace.ts';
import { openRecord, sealRecord } from '../records.ts';

/** The dots of one key, as a page of the log lists them. */
export type DotsByKey = ReadonlyMap<string, readonly Dot[]>;

/** A page of the log. */
export interface LogPage {
  readonly dotsByKey: DotsByKey;
  /** Whether this page ends the list of the dots asked for. */
  readonly isLast: boolean;
  /** False if an entry of this page was cut: then only a snapshot has all that the peer lacks. */
  readonly isWhole: boolean;
}

/** Reads and changes the log entries of one replica. */
export class ReplicaLog {
  /** The dots whose entries have been cut. */
  readonly cut: CausalContext;
  readonly #partition: number;
  readonly #engine: Engine;
  readonly #maxEntries: number;
  /** The number of entries by actor; an actor without entries is absent. */
  readonly #lengths: Map<string, number>;
  #length = 0;

  constructor(
    partition: number,
    engine: Engine,
    state: { cut: CausalContext; lengths: Map<string, number>; maxEntries: number },
  ) {
    this.#partition = partition;
    this.#engine = engine;
    this.cut = state.cut;
    this.#lengths = state.lengths;
    for (const length of state.lengths.values()) this.#length += length;
    this.#maxEntries = state.maxEntries;
  }

  /** The number of entries. */
  get length(): number {
    return this.#length;
  }

  /** Whether the log must be cut, even if a holder still lacks its oldest writes. */
  get isOverfull(): boolean {
    return this.#length > this.#maxEntries;
  }

  /** Adds the rows of new entries to a batch. */
  append(key: string, dots: readonly Dot[], changes: RowChange[]): void {
    for (const dot of dots) {
      const row = keyspace.logRow(this.#partition, dot);
      changes.push({ key: row, value: sealRecord(key, row) });
      this.#lengths.set(dot.actor, (this.#lengths.get(dot.actor) ?? 0) + 1);
    }
    this.#length += dots.length;
  }

  /** Returns the keys of at most `limit` of the dots asked for. Reads durable rows only. */
  async page(asked: CausalContext, limit: number): Promise<LogPage> {
    const dotsByKey = new Map<string, Dot[]>();
    let found = 0;
    let wanted = 0;
    for (const [actor, ranges] of asked.entries()) {
      for (let i = 0; i < ranges.length; i += 2) {
        if (found >= limit) return { dotsByKey, isLast: false, isWhole: found === wanted };
        const first = ranges[i] as number;
        const last = Math.min(ranges[i + 1] as number, first + limit - found - 1);
        wanted += last - first + 1;
        for (const [row, record] of await this.#entries(actor, { first, last, limit })) {
          const key = String(openRecord(record, row));
          const dots = dotsByKey.get(key);
          if (dots === undefined) dotsByKey.set(key, [keyspace.dotOfRow(row)]);
          else dots.push(keyspace.dotOfRow(row));
          found += 1;
        }
        if (last < (ranges[i + 1] as number))
          return { dotsByKey, isLast: false, isWhole: found === wanted };
      }
    }
    return { dotsByKey, isLast: true, isWhole: found === wanted };
  }

  #entries(
    actor: string,
    { first, last, limit }: { first: number; last: number; limit: number },
  ): Promise<Row[]> {
    const from = keyspace.logRow(this.#partition, { actor, counter: first });
    // NUL sorts below every digit, so this is the end just after the row of `last`.
    const to = `${keyspace.logRow(this.#partition, { actor, counter: last })}\0`;
    return this.#engine.scan({ from, to, limit });
  }

  /**
   * Cuts entries with dots up to the bases of `covered`, at most `SCAN_PAGE_ROWS` of them. Returns
   * the deletions.
   */
  async cutCovered(covered: Pick<CausalContext, 'base'>): Promise<RowChange[]> {
    const changes: RowChange[] = [];
    // A copy: writes change the map during the scans. An actor that is removed and added again
    // would be visited twice.
    const actors = [...this.#lengths.keys()];
    for (const actor of actors) {
      const last = covered.base(actor);
      const limit = SCAN_PAGE_ROWS - changes.length;
      if (last > 0 && limit > 0)
        this.#cutRows(await this.#entries(actor, { first: 1, last, limit }), changes);
    }
    return changes;
  }

  /** Cuts the older half of each actor's entries, to bound the log. Returns the deletions. */
  async cutHalf(): Promise<RowChange[]> {
    const range = keyspace.partitionRange('l', this.#partition);
    const rows = await this.#engine.scan({ ...range, limit: 2 * this.#maxEntries });
    const rowsByActor = new Map<string, Row[]>();
    for (const row of rows) {
      const { actor } = keyspace.dotOfRow(row[0]);
      const actorRows = rowsByActor.get(actor);
      if (actorRows === undefined) rowsByActor.set(actor, [row]);
      else actorRows.push(row);
    }
    const changes: RowChange[] = [];
    for (const actorRows of rowsByActor.values())
      this.#cutRows(actorRows.slice(0, Math.ceil(actorRows.length / 2)), changes);
    return changes;
  }

  #cutRows(rows: readonly Row[], changes: RowChange[]): void {
    const last = rows[rows.length - 1];
    if (last === undefined) return;
    const { actor, counter } = keyspace.dotOfRow(last[0]);
    this.cut.addRanges(actor, [1, counter]);
    for (const [row] of rows) changes.push({ key: row, value: undefined });
    const left = (this.#lengths.get(actor) ?? 0) - rows.length;
    if (left > 0) this.#lengths.set(actor, left);
    else this.#lengths.delete(actor);
    this.#length -= rows.length;
  }
}
