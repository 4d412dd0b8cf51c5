/** The size of an open store: its keys, and the bytes that they take on disk. */
import type { CommitQueue } from './commit-queue.ts';
import type { Engine } from './engine.ts';
import { COUNT_REPLICAS, DISK_BYTES_SWEEPS } from './limits.ts';
import type { Replica } from './replica/replica.ts';

/** An open store whose keys and bytes are counted. */
export interface CountedStore {
  readonly engine: Engine;
  readonly queue: CommitQueue;
  readonly replicas: readonly Replica[];
}

/** Counts the keys and the bytes of one open store. */
export class StoreSize {
  readonly #store: CountedStore;
  #diskBytes: number | undefined;
  #rounds = 0;

  constructor(store: CountedStore) {
    this.#store = store;
  }

  /** The bytes that the store takes on disk; undefined until they have been counted. */
  get diskBytes(): number | undefined {
    return this.#diskBytes;
  }

  /** The number of keys with a version; undefined until all replicas have been counted. */
  get keys(): number | undefined {
    let keys = 0;
    for (const { rows } of this.#store.replicas) {
      if (rows.objects === undefined) return undefined;
      keys += rows.objects;
    }
    return keys;
  }

  /** Counts the keys of some replicas for which that is due, and in some rounds the bytes. */
  async countMore(): Promise<void> {
    const { engine, replicas } = this.#store;
    const due = replicas.filter(({ rows }) => rows.isCountDue).slice(0, COUNT_REPLICAS);
    for (const { rows } of due) await rows.count(this.#store);
    this.#rounds += 1;
    if (this.#rounds % DISK_BYTES_SWEEPS === 1) this.#diskBytes = await engine.diskBytes();
  }
}
