/** The residues of one replica: the dots that an object knows beyond the bases of the clock. */
import { CausalContext } from '../../core/causality/causal-context.ts';
import type { CommitQueue } from '../commit-queue.ts';
import type { RowChange } from '../engine.ts';
import * as keyspace from '../keyspace.ts';
import { contextToRecord, recordToContext } from '../records.ts';

/** Reads and changes the rows of residues. Most objects have none. */
export class Residues {
  readonly #partition: number;
  readonly #queue: CommitQueue;
  #count: number;

  constructor(partition: number, queue: CommitQueue, count: number) {
    this.#partition = partition;
    this.#queue = queue;
    this.#count = count;
  }

  /** The number of objects with a residue. */
  get count(): number {
    return this.#count;
  }

  /** Returns the residue of a key. Throws `damaged` if it cannot be read. */
  of(key: string): CausalContext {
    if (this.#count === 0) return new CausalContext();
    const row = this.#row(key);
    const record = this.#queue.get(row);
    return record === undefined ? new CausalContext() : recordToContext(record, row);
  }

  /** Adds the row of a changed residue to a batch. */
  append(
    key: string,
    { before, after }: Record<'before' | 'after', CausalContext>,
    changes: RowChange[],
  ): void {
    if (after.isEmpty && before.isEmpty) return;
    const row = this.#row(key);
    changes.push({ key: row, value: after.isEmpty ? undefined : contextToRecord(after, row) });
    this.#count += Number(!after.isEmpty) - Number(!before.isEmpty);
  }

  /** Adds the removal of a residue to a batch, for a key that cannot be read. */
  appendLoss(key: string, changes: RowChange[]): void {
    const row = this.#row(key);
    if (this.#queue.get(row) === undefined) return;
    changes.push({ key: row, value: undefined });
    this.#count -= 1;
  }

  #row(key: string): string {
    return keyspace.residueRow(this.#partition, key);
  }
}
