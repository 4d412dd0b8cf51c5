/** A replica as it was at one moment: what a snapshot is made of. */
import { CausalContext } from '../../core/causality/causal-context.ts';
import { fill, type FilledObject } from '../../core/causality/object.ts';
import type { Snapshot } from '../engine.ts';
import * as keyspace from '../keyspace.ts';
import { recordToContext, recordToVersions } from '../records.ts';
import { ReplicaRows } from './replica-rows.ts';

/** What was known at that moment. */
export interface ViewMoment {
  /** Every dot that the replica had seen, durably. */
  readonly clock: CausalContext;
  /** The dots that its log could not tell any more. */
  readonly cut: CausalContext;
}

/** A read view of one replica. */
export class ReplicaView implements ViewMoment {
  readonly clock: CausalContext;
  readonly cut: CausalContext;
  readonly #partition: number;
  readonly #snapshot: Snapshot;
  readonly #rows: ReplicaRows;

  constructor(partition: number, snapshot: Snapshot, { clock, cut }: ViewMoment) {
    this.#partition = partition;
    this.#snapshot = snapshot;
    this.#rows = new ReplicaRows(partition, snapshot);
    this.clock = clock;
    this.cut = cut;
  }

  /** The keys with an object or a residue after a key, in order; `limit` at most. */
  keysAfter(after: string | undefined, limit: number): Promise<string[]> {
    return this.#rows.keysAfter(after, limit);
  }

  /** What the replica knew of a key; throws `damaged` if that cannot be read. */
  read(key: string): FilledObject<Uint8Array> {
    const row = keyspace.objectRow(this.#partition, key);
    const residueRow = keyspace.residueRow(this.#partition, key);
    const record = this.#snapshot.get(row);
    const residueRecord = this.#snapshot.get(residueRow);
    const versions = record === undefined ? [] : recordToVersions(record, row);
    const residue = residueRecord === undefined ? new CausalContext() : recordToContext(residueRecord, residueRow);
    return fill({ versions, residue }, this.clock);
  }

  close(): Promise<void> {
    return this.#snapshot.close();
  }
}
