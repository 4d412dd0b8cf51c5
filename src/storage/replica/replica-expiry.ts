/**
 * The expiry rows of a replica: one for each time at which a version of a key expires. They are
 * written and removed in the batch of the object. So expired versions are found without a scan of
 * all objects.
 */
import { expiryOf } from '../../core/value/content.ts';
import type { CommitQueue } from '../commit-queue.ts';
import type { RowChange, Engine } from '../engine.ts';
import * as keyspace from '../keyspace.ts';
import { type PackedVersion, sealRecord } from '../records.ts';

/** A key with a version that expires, and the time, µs since 1970. */
export interface Expiring {
  readonly key: string;
  readonly micros: number;
}

const NEVER: ReadonlySet<number> = new Set();

/** Reads and changes the expiry rows of one replica. */
export class ReplicaExpiry {
  readonly #partition: number;
  readonly #store: { readonly engine: Engine; readonly queue: CommitQueue };
  /** No version expires before; 0 if the next time is not known. */
  #nextMicros: number;

  constructor(
    partition: number,
    store: { readonly engine: Engine; readonly queue: CommitQueue },
    nextMicros: number,
  ) {
    this.#partition = partition;
    this.#store = store;
    this.#nextMicros = nextMicros;
  }

  /** Adds the expiry rows that the change of an object needs to a batch. */
  append(
    key: string,
    { before, after }: { before: readonly PackedVersion[]; after: readonly PackedVersion[] },
    changes: RowChange[],
  ): void {
    const was = timesOf(before);
    const is = timesOf(after);
    if (was === NEVER && is === NEVER) return;
    for (const micros of was)
      if (!is.has(micros)) changes.push({ key: this.#row(micros, key), value: undefined });
    for (const micros of is) {
      if (was.has(micros)) continue;
      const row = this.#row(micros, key);
      changes.push({ key: row, value: sealRecord(null, row) });
      this.#nextMicros = Math.min(this.#nextMicros, micros);
    }
  }

  /** Whether a version may expire at any time. */
  get hasAny(): boolean {
    return this.#nextMicros < Infinity;
  }

  /** Whether a version may have expired by now. */
  isDue(nowMicros: number): boolean {
    return this.#nextMicros <= nowMicros;
  }

  /** Returns the first keys with a version that has expired by now, at most `limit`. */
  async due(nowMicros: number, limit: number): Promise<Expiring[]> {
    // A later write lowers the time by itself. The rows of earlier ones must be on disk for the
    // scan.
    this.#nextMicros = Infinity;
    await this.#store.queue.commit([]);
    const { from, to } = keyspace.partitionRange('e', this.#partition);
    const rows = (await this.#store.engine.keys({ from, to, limit })).map(keyspace.expiryOfRow);
    const due = rows.filter(({ micros }) => micros <= nowMicros);
    const next =
      due.length < rows.length
        ? rows[due.length]?.micros
        : rows.length < limit
          ? Infinity
          : nowMicros;
    this.#nextMicros = Math.min(this.#nextMicros, next ?? Infinity);
    return due;
  }

  /** Makes the keys due again that were due: the caller could not remove their versions. */
  postpone(): void {
    this.#nextMicros = 0;
  }

  #row(micros: number, key: string): string {
    return keyspace.expiryRow(this.#partition, micros, key);
  }
}

function timesOf(versions: readonly PackedVersion[]): ReadonlySet<number> {
  let times: Set<number> | undefined;
  for (const { body } of versions) {
    const micros = expiryOf(body);
    if (micros !== undefined) times = (times ?? new Set()).add(micros);
  }
  return times ?? NEVER;
}
