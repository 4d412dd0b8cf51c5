/**
 * Group commit: rows that are submitted while one batch syncs share the next batch. Readers see
 * rows as soon as they are submitted. A submitter is told when its rows and all earlier ones are
 * durable.
 *
 * Batches are written one after the other, so the disk always has a prefix of all submitted rows.
 * The first failure ends the queue: all rows that wait or come later fail.
 */
import type { Clock } from '../base/env.ts';
import { callAll } from '../base/call-all.ts';
import { MecError, toMecError } from '../base/errors.ts';
import type { Recorder } from '../base/recorder.ts';
import { MAX_BATCH_BYTES, MAX_COMMIT_BYTES, MAX_COMMIT_ROWS } from './limits.ts';
import type { Engine, RowChange } from './engine.ts';

/** Called once: without an error when the rows are durable. */
export type Done = (error?: MecError) => void;

/** How a queue commits. */
export interface CommitQueueOptions {
  readonly clock: Clock;
  /** Measures the batches; undefined if they are not measured. */
  readonly recorder?: Recorder | undefined;
  /** Whether a batch must be on the platter before it counts as durable. */
  readonly sync: boolean;
  /** Called when the queue ends with an error. */
  readonly onFailure: (error: MecError) => void;
}

class Batch {
  readonly rows = new Map<string, Uint8Array | undefined>();
  readonly waiting: Done[] = [];
  bytes = 0;
}

/** Collects rows into synced batches. */
export class CommitQueue {
  readonly #engine: Engine;
  readonly #options: CommitQueueOptions;
  #batches: Batch[] = [];
  #isWriting = false;
  #isDeferred = false;
  #rows = 0;
  #bytes = 0;
  #failure: MecError | undefined;
  #idle: (() => void)[] = [];
  readonly #between: Done[] = [];

  constructor(engine: Engine, options: CommitQueueOptions) {
    this.#engine = engine;
    this.#options = options;
  }

  /** Rows and bytes that are not durable yet. */
  get pending(): { rows: number; bytes: number } {
    return { rows: this.#rows, bytes: this.#bytes };
  }

  /**
   * Throws if the queue has ended, or has no room for another write. A caller asks before it
   * changes anything.
   */
  assertRoom(): void {
    this.assertWorking();
    if (this.#rows >= MAX_COMMIT_ROWS || this.#bytes >= MAX_COMMIT_BYTES) {
      throw new MecError('overloaded', {
        detail: 'The queue of writes to the disk is full',
        retryAfter: 1,
      });
    }
  }

  /** Throws if a batch could not be written: then the memory of this node is ahead of its disk. */
  assertWorking(): void {
    if (this.#failure !== undefined) throw this.#failure;
  }

  /** Whether a change of the row is not durable yet. */
  isPending(key: string): boolean {
    return this.#batches.some(({ rows }) => rows.has(key));
  }

  /** Returns the rows of a range that are not durable yet, each with its newest value. */
  pendingRows({
    from,
    to,
  }: {
    readonly from: string;
    readonly to: string;
  }): [string, Uint8Array | undefined][] {
    const pending = new Map<string, Uint8Array | undefined>();
    for (const { rows } of this.#batches) {
      for (const [key, value] of rows) if (key >= from && key < to) pending.set(key, value);
    }
    return [...pending];
  }

  /** Returns the newest value of a row, durable or not. */
  get(key: string): Uint8Array | undefined {
    this.assertWorking();
    for (let i = this.#batches.length - 1; i >= 0; i--) {
      const { rows } = this.#batches[i] as Batch;
      const value = rows.get(key);
      if (value !== undefined || rows.has(key)) return value;
    }
    return this.#engine.get(key);
  }

  /** Adds rows that belong together. Without rows, `done` waits for all earlier ones. */
  submit(changes: readonly RowChange[], done: Done): void {
    if (this.#failure !== undefined) return done(this.#failure);
    if (changes.length === 0 && this.#batches.length === 0) return done();
    const batch = this.#openBatch();
    for (const { key, value } of changes) {
      batch.rows.set(key, value);
      batch.bytes += key.length + (value?.length ?? 0);
    }
    batch.waiting.push(done);
    this.#count();
    this.#schedule();
  }

  /** Submits rows, and resolves when they are durable. */
  commit(changes: readonly RowChange[]): Promise<void> {
    return new Promise((resolve, reject) => {
      this.submit(changes, (error) => (error === undefined ? resolve() : reject(error)));
    });
  }

  /**
   * Runs a task while no batch is being written. The disk then has exactly the rows whose
   * submitters were told. The task gets an error if the queue has ended.
   */
  runBetweenBatches(task: Done): void {
    if (this.#failure !== undefined || !this.#isWriting) task(this.#failure);
    else this.#between.push(task);
  }

  /** Resolves when no rows wait any more, durable or failed. */
  whenIdle(): Promise<void> {
    return new Promise((resolve) => {
      if (this.#batches.length === 0) resolve();
      else this.#idle.push(resolve);
    });
  }

  #openBatch(): Batch {
    const last = this.#batches[this.#batches.length - 1];
    const isOpen = last !== undefined && !(this.#isWriting && this.#batches.length === 1);
    if (isOpen && last.bytes < MAX_BATCH_BYTES) return last;
    const batch = new Batch();
    this.#batches.push(batch);
    return batch;
  }

  #count(): void {
    this.#rows = 0;
    this.#bytes = 0;
    for (const { rows, bytes } of this.#batches) {
      this.#rows += rows.size;
      this.#bytes += bytes;
    }
  }

  /** Starts to write at the end of the turn, so that all writes of the turn share a batch. */
  #schedule(): void {
    if (this.#isWriting || this.#isDeferred) return;
    this.#isDeferred = true;
    this.#options.clock.defer(() => {
      this.#isDeferred = false;
      void this.#write();
    });
  }

  async #write(): Promise<void> {
    if (this.#isWriting) return;
    this.#isWriting = true;
    for (let batch = this.#batches[0]; batch !== undefined; batch = this.#batches[0]) {
      try {
        const changes: RowChange[] = [];
        for (const [key, value] of batch.rows) changes.push({ key, value });
        if (changes.length > 0) await this.#commit(changes);
      } catch (error) {
        this.#fail(toMecError(error));
        break;
      }
      this.#batches.shift();
      this.#count();
      this.#tell(batch.waiting);
      this.#tell(this.#between.splice(0));
    }
    this.#isWriting = false;
    for (const resolve of this.#idle.splice(0)) resolve();
  }

  async #commit(changes: readonly RowChange[]): Promise<void> {
    const { clock, sync, recorder } = this.#options;
    const startMs = clock.monotonicMs();
    await this.#engine.commit(changes, sync);
    if (recorder === undefined) return;
    recorder.commits.observe(clock.monotonicMs() - startMs);
    recorder.committedRows += changes.length;
  }

  #fail(error: MecError): void {
    this.#failure = error;
    const batches = this.#batches;
    this.#batches = [];
    this.#count();
    for (const batch of batches) this.#tell(batch.waiting, error);
    this.#tell(this.#between.splice(0), error);
    this.#options.onFailure(error);
  }

  /**
   * Calls all callbacks. If one of them throws, that is an unhandled error of its own event, which
   * ends a real process. Thrown here, it would end the queue: later rows would never become
   * durable, and their submitters would wait for ever.
   */
  #tell(callbacks: readonly Done[], failure?: MecError): void {
    try {
      callAll(callbacks, (done) => done(failure));
    } catch (error) {
      this.#options.clock.defer(() => {
        throw error;
      });
    }
  }
}
