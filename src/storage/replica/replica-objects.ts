/** The objects of a replica, read from the cache, from the commit queue or from the disk. */
import { CausalContext } from '../../core/causality/causal-context.ts';
import type { FilledObject, StoredObject } from '../../core/causality/object.ts';
import { DamagedRecord } from '../damage.ts';
import type { RowChange } from '../engine.ts';
import type { KeyWatches } from './key-watches.ts';
import * as keyspace from '../keyspace.ts';
import { type PackedVersion, recordToVersions, versionsToRecord } from '../records.ts';
import type { ReplicaMerge } from './replica-changes.ts';
import type { ReplicaExpiry } from './replica-expiry.ts';
import type { ReplicaLog } from './replica-log.ts';
import type { ReplicaMarks } from './replica-marks.ts';
import type { ReplicaMemory } from './replica-memory.ts';
import type { ReplicaRows } from './replica-rows.ts';
import type { Residues } from './residues.ts';
import type { SetAside } from './set-aside.ts';
import type { StoreParts } from '../store-parts.ts';

/** The parts of a replica that change with an object. */
export interface ObjectParts {
  readonly partition: number;
  /** Every dot that the replica has seen. */
  readonly clock: CausalContext;
  readonly residues: Residues;
  readonly rows: ReplicaRows;
  readonly log: ReplicaLog;
  readonly expiry: ReplicaExpiry;
  readonly watches: KeyWatches;
  readonly marks: ReplicaMarks;
  readonly setAside: SetAside;
  readonly memory: ReplicaMemory;
  /** Submits the rows of a key that was marked just now. */
  readonly save: (changes: readonly RowChange[]) => void;
}

const NOTHING: StoredObject<Uint8Array> = { versions: [], residue: new CausalContext() };

/** Reads and changes the objects of one replica. */
export class ReplicaObjects {
  readonly #store: StoreParts;
  readonly #parts: ObjectParts;

  constructor(store: StoreParts, parts: ObjectParts) {
    this.#store = store;
    this.#parts = parts;
  }

  /** Returns an object as it was last written. Marks the key if the record is damaged. */
  load(key: string): StoredObject<Uint8Array> {
    try {
      const versions = this.#versions(key);
      return { versions, residue: this.#parts.residues.of(key) };
    } catch (error) {
      if (!(error instanceof DamagedRecord)) throw error;
      return this.#mark(key);
    }
  }

  /** Returns an object with its whole context. */
  fill(key: string, stored = this.load(key)): FilledObject<Uint8Array> {
    return this.#parts.marks.fill(key, stored, this.#parts.clock);
  }

  /** Returns the rows that change when an object changes. */
  changesOf(
    before: StoredObject<Uint8Array>,
    { key, object, dots, memory: made }: ReplicaMerge,
  ): RowChange[] {
    const { partition, clock, residues, rows, log, expiry, watches, marks, memory } = this.#parts;
    const { tenants } = this.#store;
    const { versions, residue } = marks.strip(key, object, clock);
    const row = keyspace.objectRow(partition, key);
    this.#store.cache.drop(row);
    const changes: RowChange[] = [
      { key: row, value: versions.length === 0 ? undefined : versionsToRecord(versions, row) },
    ];
    residues.append(key, { before: before.residue, after: residue }, changes);
    rows.countChange(key, { before: before.versions.length, after: versions.length });
    if (!tenants.isIdle)
      tenants.noteChange(rows, key, { before: before.versions, after: versions });
    log.append(key, dots, changes);
    expiry.append(key, { before: before.versions, after: versions }, changes);
    watches.changed(key);
    if (made !== undefined) changes.push(...memory.learn(made));
    return changes;
  }

  #mark(key: string): StoredObject<Uint8Array> {
    const { partition, clock, residues, rows, marks, setAside, memory, save } = this.#parts;
    // The only versions left are those that were salvaged once and are in the clock by now.
    const versions = setAside
      .versionsOf(key)
      .filter(({ actor, counter }) => clock.has(actor, counter));
    const changes = [marks.add(key, clock), ...memory.forget(key)];
    residues.appendLoss(key, changes);
    rows.countChange(key, { before: 1, after: 0 });
    this.#store.tenants.forget(rows, key);
    this.#store.log.error('record damaged: the other nodes are asked for the key', {
      partition,
      key,
    });
    const residue = CausalContext.ofDots(versions);
    changes.push(
      ...this.changesOf(NOTHING, { key, object: { versions, context: residue }, dots: [] }),
    );
    save(changes);
    return { versions, residue };
  }

  #versions(key: string): readonly PackedVersion[] {
    const { queue, cache } = this.#store;
    queue.assertWorking();
    if (this.#parts.rows.isSurelyAbsent(key)) return [];
    const row = keyspace.objectRow(this.#parts.partition, key);
    const known = cache.get(row);
    if (known !== undefined) return known;
    const record = queue.get(row);
    if (record === undefined) return [];
    const versions = recordToVersions(record, row);
    // A record that is not durable yet is a view on a larger buffer, which the cache would keep.
    if (!queue.isPending(row)) cache.add(row, versions, record.length);
    return versions;
  }
}
