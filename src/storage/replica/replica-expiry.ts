/**
 * When versions of a replica expire: a row for each time at which a key has a version that does,
 * written and taken away in the same batches as the object. So what has expired is found without
 * looking through everything.
 */
import { expiryOf } from '../../core/value/content.ts';
import type { CommitQueue } from '../commit-queue.ts';
import type { RowChange, Engine } from '../engine.ts';
import * as keyspace from '../keyspace.ts';
import { type PackedVersion, sealRecord } from '../records.ts';

/** A key with a version that expires, and when, µs since 1970. */
export interface Expiring {
  readonly key: string;
  readonly micros: number;
}

const NEVER: ReadonlySet<number> = new Set();

/** The expiry rows of one replica. */
export class ReplicaExpiry {
  readonly #partition: number;
  readonly #store: { readonly engine: Engine; readonly queue: CommitQueue };
  /** Nothing expires before; 0 where that is not known. */
  #nextMicros: number;

  constructor(partition: number, store: { readonly engine: Engine; readonly queue: CommitQueue }, nextMicros: number) {
    this.#partition = partition;
    this.#store = store;
    this.#nextMicros = nextMicros;
  }

  /** Adds to a batch what the change of an object's versions means for the rows. */
  append(
    key: string,
    { before, after }: { before: readonly PackedVersion[]; after: readonly PackedVersion[] },
    changes: RowChange[],
  ): void {
    const was = timesOf(before);
    const is = timesOf(after);
    if (was === NEVER && is === NEVER) return;
    for (const micros of was) if (!is.has(micros)) changes.push({ key: this.#row(micros, key), value: undefined });
    for (const micros of is) {
      if (was.has(micros)) continue;
      const row = this.#row(micros, key);
      changes.push({ key: row, value: sealRecord(null, row) });
      this.#nextMicros = Math.min(this.#nextMicros, micros);
    }
  }

  /** Whether something may have expired by now. */
  isDue(nowMicros: number): boolean {
    return this.#nextMicros <= nowMicros;
  }

  /** The first keys with a version that has expired by now; at most `limit`. */
  async due(nowMicros: number, limit: number): Promise<Expiring[]> {
    // What is written from here on says so itself; what was written before is on disk when it is looked for.
    this.#nextMicros = Infinity;
    await new Promise<void>((resolve, reject) => {
      this.#store.queue.submit([], (error) => (error === undefined ? resolve() : reject(error)));
    });
    const { from, to } = keyspace.partitionRange('e', this.#partition);
    const rows = (await this.#store.engine.keys({ from, to, limit })).map(keyspace.expiryOfRow);
    const due = rows.filter(({ micros }) => micros <= nowMicros);
    const next = due.length < rows.length ? rows[due.length]?.micros : rows.length < limit ? Infinity : nowMicros;
    this.#nextMicros = Math.min(this.#nextMicros, next ?? Infinity);
    return due;
  }

  /** What was due has not been dealt with: it is due again. */
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
