/**
 * The objects of a replica: read from what was read lately, from what is on its way to the disk, or
 * from the disk; and their rows.
 */
import { CausalContext } from '../../core/causality/causal-context.ts';
import type { FilledObject, StoredObject } from '../../core/causality/object.ts';
import { DamagedRecord } from '../damage.ts';
import type { RowChange } from '../engine.ts';
import type { KeyWatches } from './key-watches.ts';
import * as keyspace from '../keyspace.ts';
import {
  contextToRecord,
  type PackedVersion,
  recordToContext,
  recordToVersions,
  versionsToRecord,
} from '../records.ts';
import type { ReplicaMerge } from './replica-changes.ts';
import type { ReplicaExpiry } from './replica-expiry.ts';
import type { ReplicaLog } from './replica-log.ts';
import type { ReplicaMarks } from './replica-marks.ts';
import type { ReplicaMemory } from './replica-memory.ts';
import type { ReplicaRows } from './replica-rows.ts';
import type { SetAside } from './set-aside.ts';
import type { StoreParts } from '../store-parts.ts';

/** What belongs to the objects of one replica. */
export interface ObjectParts {
  readonly partition: number;
  /** Every dot that the replica has seen. */
  readonly clock: CausalContext;
  readonly rows: ReplicaRows;
  readonly log: ReplicaLog;
  readonly expiry: ReplicaExpiry;
  readonly watches: KeyWatches;
  readonly marks: ReplicaMarks;
  readonly salvage: SetAside;
  readonly memory: ReplicaMemory;
  /** Writes the rows of a key that was marked just now. */
  readonly save: (changes: readonly RowChange[]) => void;
}

const NOTHING: StoredObject<Uint8Array> = { versions: [], residue: new CausalContext() };

/** Reads and changes the objects of one replica. */
export class ReplicaObjects {
  readonly #store: StoreParts;
  readonly #parts: ObjectParts;
  /** Objects with a residue. */
  residues: number;

  constructor(store: StoreParts, parts: ObjectParts, residues: number) {
    this.#store = store;
    this.#parts = parts;
    this.residues = residues;
  }

  /** An object as it was last written; if its record is damaged, the key is marked from now on. */
  load(key: string): StoredObject<Uint8Array> {
    try {
      const versions = this.#versions(keyspace.objectRow(this.#parts.partition, key));
      return { versions, residue: this.residues > 0 ? this.#residue(key) : new CausalContext() };
    } catch (error) {
      if (!(error instanceof DamagedRecord)) throw error;
      return this.#mark(key);
    }
  }

  /** The object with all that is known of its key. */
  fill(key: string, stored = this.load(key)): FilledObject<Uint8Array> {
    return this.#parts.marks.fill(key, stored, this.#parts.clock);
  }

  /** The rows that make an object what it has become. */
  changesOf(before: StoredObject<Uint8Array>, { key, object, dots, memory: made }: ReplicaMerge): RowChange[] {
    const { partition, clock, rows, log, expiry, watches, marks, memory } = this.#parts;
    const { versions, residue } = marks.strip(key, object, clock);
    const row = keyspace.objectRow(partition, key);
    this.#store.cache.drop(row);
    const changes: RowChange[] = [
      { key: row, value: versions.length === 0 ? undefined : versionsToRecord(versions, row) },
    ];
    if (!residue.isEmpty || !before.residue.isEmpty) {
      const residueRow = keyspace.residueRow(partition, key);
      changes.push({ key: residueRow, value: residue.isEmpty ? undefined : contextToRecord(residue, residueRow) });
      this.residues += Number(!residue.isEmpty) - Number(!before.residue.isEmpty);
    }
    rows.changed(before.versions.length, versions.length);
    log.append(key, dots, changes);
    expiry.append(key, { before: before.versions, after: versions }, changes);
    watches.changed(key);
    if (made !== undefined) changes.push(...memory.learn(made));
    return changes;
  }

  /** The row of a residue without what the bases of the clock have come to cover; undefined if that is nothing. */
  stripped(key: string): RowChange | undefined {
    const { partition, clock, marks } = this.#parts;
    const { residue } = this.load(key);
    if (residue.isEmpty || marks.has(key)) return undefined;
    const rest = residue.minus(clock.bases());
    if (rest.equals(residue)) return undefined;
    if (rest.isEmpty) this.residues -= 1;
    const row = keyspace.residueRow(partition, key);
    return { key: row, value: rest.isEmpty ? undefined : contextToRecord(rest, row) };
  }

  #mark(key: string): StoredObject<Uint8Array> {
    const { partition, clock, rows, marks, salvage, memory, save } = this.#parts;
    // What was salvaged of it once, and has been seen since, is all that there is.
    const versions = salvage.of(key).filter(({ actor, counter }) => clock.has(actor, counter));
    const changes = [marks.add(key, clock), ...memory.forget(key)];
    const residueRow = keyspace.residueRow(partition, key);
    if (this.#store.queue.get(residueRow) !== undefined) {
      changes.push({ key: residueRow, value: undefined });
      this.residues -= 1;
    }
    rows.changed(1, 0);
    this.#store.log.error('record damaged: the other nodes are asked for the key', { partition, key });
    const residue = CausalContext.ofDots(versions);
    changes.push(...this.changesOf(NOTHING, { key, object: { versions, context: residue }, dots: [] }));
    save(changes);
    return { versions, residue };
  }

  #versions(row: string): readonly PackedVersion[] {
    const { queue, cache } = this.#store;
    queue.assertWorking();
    const known = cache.get(row);
    if (known !== undefined) return known;
    const record = queue.get(row);
    if (record === undefined) return [];
    const versions = recordToVersions(record, row);
    // What is not durable yet shares its memory with much else.
    if (!queue.isPending(row)) cache.add(row, versions, record.length);
    return versions;
  }

  #residue(key: string): CausalContext {
    const row = keyspace.residueRow(this.#parts.partition, key);
    const record = this.#store.queue.get(row);
    return record === undefined ? new CausalContext() : recordToContext(record, row);
  }
}
