/**
 * What a replica remembers of writes with an Idempotency-Key: their dots and digests, for after
 * their versions were overwritten. It lies on disk with the replica, is written in the batch of the
 * write, and dies with the replica. In the process alone it would outlive the store that it speaks
 * of, and be gone after a restart: then a repeat would be acknowledged that no disk has, or be
 * written twice.
 *
 * How long a memory has lasted is told by the monotonic clock, from when this process learnt it or read it from
 * disk. By wall clocks, one that is wrong or jumps would make the replica forget in a moment, and a repeat be
 * written twice. So a memory lasts at least its time, and longer where the process was started again.
 */
import type { Clock } from '../../base/env.ts';
import { IDEMPOTENCY_MS, MAX_MEMORIES } from '../../core/limits.ts';
import type { RememberedWrite } from '../../core/quorum/decision.ts';
import type { RowChange } from '../engine.ts';
import * as keyspace from '../keyspace.ts';
import { memoryToRecord } from '../records.ts';

type MemoryClock = Pick<Clock, 'monotonicMs'>;

interface Learnt {
  readonly memory: RememberedWrite;
  readonly atMs: number;
}

/** The memory of one replica. */
export class ReplicaMemory {
  readonly #clock: MemoryClock;
  readonly #partition: number;
  /** By row, in the order in which they were learnt. */
  readonly #byRow = new Map<string, Learnt>();

  constructor(clock: MemoryClock, partition: number, memories: readonly RememberedWrite[]) {
    this.#clock = clock;
    this.#partition = partition;
    const atMs = clock.monotonicMs();
    // The order says only which go first when there are too many.
    for (const memory of [...memories].sort((a, b) => a.madeMicros - b.madeMicros)) {
      this.#byRow.set(this.#rowOf(memory), { memory, atMs });
    }
  }

  /** What came of a write with an Idempotency-Key, if that is remembered. */
  recall(key: string, idempotencyKey: string): RememberedWrite | undefined {
    const learnt = this.#byRow.get(this.#rowOf({ key, idempotencyKey }));
    return learnt === undefined || this.#isOver(learnt) ? undefined : learnt.memory;
  }

  #isOver({ atMs }: Learnt): boolean {
    return atMs + IDEMPOTENCY_MS <= this.#clock.monotonicMs();
  }

  /** All that is remembered, for a replica that is filled from here. */
  all(): readonly RememberedWrite[] {
    return Array.from(this.#byRow.values(), ({ memory }) => memory);
  }

  /**
   * The rows that make the replica remember a write, and forget what is too old or too much; none
   * if it knows it already.
   */
  learn(memory: RememberedWrite): RowChange[] {
    const row = this.#rowOf(memory);
    const known = this.#byRow.get(row)?.memory;
    if (known?.actor === memory.actor && known.counter === memory.counter) return [];
    this.#byRow.delete(row);
    this.#byRow.set(row, { memory, atMs: this.#clock.monotonicMs() });
    const changes: RowChange[] = [{ key: row, value: memoryToRecord(memory, row) }];
    for (const [oldest, learnt] of this.#byRow) {
      if (!this.#isOver(learnt) && this.#byRow.size <= MAX_MEMORIES) break;
      this.#byRow.delete(oldest);
      changes.push({ key: oldest, value: undefined });
    }
    return changes;
  }

  /** The rows that make the replica forget a key whose record is damaged: no disk may have its versions any more. */
  forget(key: string): RowChange[] {
    const rows = [...this.#byRow].filter(([, { memory }]) => memory.key === key).map(([row]) => row);
    for (const row of rows) this.#byRow.delete(row);
    return rows.map((row) => ({ key: row, value: undefined }));
  }

  #rowOf({ key, idempotencyKey }: Pick<RememberedWrite, 'key' | 'idempotencyKey'>): string {
    return keyspace.memoryRow(this.#partition, key, idempotencyKey);
  }
}
