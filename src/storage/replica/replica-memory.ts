/**
 * The memory of a replica: the dots and digests of writes with an Idempotency-Key. It outlives the
 * versions, which may be overwritten. Its rows are written in the batch of the write, and go with
 * the replica. In the process alone, the memory would outlive a store that fails, and a repeat
 * would be acknowledged although no disk has the write. A restart would lose it, and a repeat would
 * be written twice.
 *
 * A memory ages by the monotonic clock, from the moment at which this process learnt it or read it
 * from disk. If it aged by the wall clock, a jump of that would make the replica forget too early,
 * and a repeat would be written twice. So a memory lasts `IDEMPOTENCY_MS`, or longer after a
 * restart.
 */
import type { Clock } from '../../base/env.ts';
import { IDEMPOTENCY_MS, MAX_MEMORIES } from '../../core/limits.ts';
import type { RememberedWrite } from '../../core/quorum/decision.ts';
import type { RowChange } from '../engine.ts';
import * as keyspace from '../keyspace.ts';
import { memoryToRecord } from '../records.ts';

type MemoryClock = Pick<Clock, 'monotonicMs'>;

interface MemoryEntry {
  readonly memory: RememberedWrite;
  readonly atMs: number;
}

/** Remembers writes to one replica. */
export class ReplicaMemory {
  readonly #clock: MemoryClock;
  readonly #partition: number;
  /** The memories by row, in the order in which the process learnt them. */
  readonly #byRow = new Map<string, MemoryEntry>();

  constructor(clock: MemoryClock, partition: number, memories: readonly RememberedWrite[]) {
    this.#clock = clock;
    this.#partition = partition;
    const atMs = clock.monotonicMs();
    // The order only decides which memories go first when there are too many.
    for (const memory of [...memories].sort((a, b) => a.madeMicros - b.madeMicros)) {
      this.#byRow.set(this.#rowOf(memory), { memory, atMs });
    }
  }

  /** Returns the memory of a write with this Idempotency-Key; undefined if there is none. */
  recall(key: string, idempotencyKey: string): RememberedWrite | undefined {
    const learnt = this.#byRow.get(this.#rowOf({ key, idempotencyKey }));
    return learnt === undefined || this.#isExpired(learnt) ? undefined : learnt.memory;
  }

  #isExpired({ atMs }: MemoryEntry): boolean {
    return atMs + IDEMPOTENCY_MS <= this.#clock.monotonicMs();
  }

  /** Returns all memories, for a replica that is filled from this one. */
  all(): readonly RememberedWrite[] {
    return Array.from(this.#byRow.values(), ({ memory }) => memory);
  }

  /**
   * Remembers a write, and forgets memories that are too old or too many. Returns the rows that
   * change; none if the write is known already.
   */
  learn(memory: RememberedWrite): RowChange[] {
    const row = this.#rowOf(memory);
    const known = this.#byRow.get(row)?.memory;
    if (known?.actor === memory.actor && known.counter === memory.counter) return [];
    this.#byRow.delete(row);
    this.#byRow.set(row, { memory, atMs: this.#clock.monotonicMs() });
    const changes: RowChange[] = [{ key: row, value: memoryToRecord(memory, row) }];
    for (const [oldest, learnt] of this.#byRow) {
      if (!this.#isExpired(learnt) && this.#byRow.size <= MAX_MEMORIES) break;
      this.#byRow.delete(oldest);
      changes.push({ key: oldest, value: undefined });
    }
    return changes;
  }

  /**
   * Forgets the writes to a key whose record is damaged: perhaps no disk has their versions any
   * more. Returns the removals of the rows.
   */
  forget(key: string): RowChange[] {
    const rows = [...this.#byRow]
      .filter(([, { memory }]) => memory.key === key)
      .map(([row]) => row);
    for (const row of rows) this.#byRow.delete(row);
    return rows.map((row) => ({ key: row, value: undefined }));
  }

  #rowOf({ key, idempotencyKey }: Pick<RememberedWrite, 'key' | 'idempotencyKey'>): string {
    return keyspace.memoryRow(this.#partition, key, idempotencyKey);
  }
}
