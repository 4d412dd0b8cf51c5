/** The objects of a replica, as they are read: from what was read lately, from what is on its way to the disk, or from the disk. */
import { MecError } from '../base/errors.ts';
import { CausalContext } from '../core/causal-context.ts';
import type { StoredObject } from '../core/object.ts';
import * as keyspace from './keyspace.ts';
import { type PackedVersion, recordToContext, recordToVersions } from './records.ts';
import type { Store } from './store.ts';

/** Reads the objects of one replica. */
export class ReplicaObjects {
  readonly #partition: number;
  readonly #store: Store;

  constructor(partition: number, store: Store) {
    this.#partition = partition;
    this.#store = store;
  }

  /** An object as it was last written; throws `damaged` where it is not as it was. `mayHaveResidue`: whether any object has one. */
  load(key: string, mayHaveResidue: boolean): StoredObject<Uint8Array> {
    try {
      const versions = this.#versions(keyspace.objectRow(this.#partition, key));
      return { versions, residual: mayHaveResidue ? this.#residue(key) : new CausalContext() };
    } catch (error) {
      if (error instanceof MecError && error.code === 'damaged') this.#store.onDamage(error);
      throw error;
    }
  }

  /** The object in a row is being written. */
  changes(row: string): void {
    this.#store.hot.drop(row);
  }

  #versions(row: string): readonly PackedVersion[] {
    const { queue, hot } = this.#store;
    queue.assertWorking();
    const known = hot.get(row);
    if (known !== undefined) return known;
    const record = queue.get(row);
    if (record === undefined) return [];
    const versions = recordToVersions(record, row);
    // What is not durable yet shares its memory with much else.
    if (!queue.isPending(row)) hot.add(row, versions, record.length);
    return versions;
  }

  #residue(key: string): CausalContext {
    const row = keyspace.residueRow(this.#partition, key);
    const record = this.#store.queue.get(row);
    return record === undefined ? new CausalContext() : recordToContext(record, row);
  }
}
