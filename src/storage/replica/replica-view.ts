/** A replica as it was at one moment: the source of a snapshot. */
import { CausalContext } from '../../core/causality/causal-context.ts';
import { fill, type FilledObject } from '../../core/causality/object.ts';
import type { Snapshot } from '../engine.ts';
import * as keyspace from '../keyspace.ts';
import { recordToContext, recordToVersions } from '../records.ts';
import { ReplicaRows } from './replica-rows.ts';

/** The state of a replica at one moment. */
export interface ViewMoment {
  /** Every dot that was durable. */
  readonly clock: CausalContext;
  /** The dots whose log entries had been cut. */
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

  /** Returns the keys after `after` with an object or a residue, in order, at most `limit`. */
  keysAfter(after: string | undefined, limit: number): Promise<string[]> {
    return this.#rows.keysAfter(after, limit);
  }

  /** Returns the object of a key at that moment. Throws `damaged` if it cannot be read. */
  read(key: string): FilledObject<Uint8Array> {
    const row = keyspace.objectRow(this.#partition, key);
    const residueRow = keyspace.residueRow(this.#partition, key);
    const record = this.#snapshot.get(row);
    const residueRecord = this.#snapshot.get(residueRow);
    const versions = record === undefined ? [] : recordToVersions(record, row);
    const residue =
      residueRecord === undefined
        ? new CausalContext()
        : recordToContext(residueRecord, residueRow);
    return fill({ versions, residue }, this.clock);
  }

  close(): Promise<void> {
    return this.#snapshot.close();
  }
}
