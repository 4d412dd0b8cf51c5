/**
 * The queue of pulls. A partition has one pull at a time, because each of two snapshots at once
 * would take the keys of the other for its own. Only a few partitions are pulled at a time, because
 * the node serves clients meanwhile.
 */
import type { Clock } from '../../base/env.ts';

/** A pull of one partition from one peer. */
export interface PullJob {
  readonly partition: number;
  /**
   * The name of the peer. Its address is looked up when the job starts, as it may have changed by
   * then.
   */
  readonly peer: string;
}

/** A job, and the time that it has waited or run. */
export type AgedJob = PullJob & { readonly ageMs: number };

/** The settings of a queue. */
export interface PullQueueOptions {
  readonly clock: Clock;
  /** The number of jobs that run at once. */
  readonly concurrency: number;
  /** Does a job; never rejects. */
  readonly run: (job: PullJob) => Promise<void>;
}

type QueuedPull = PullJob & {
  sinceMs: number;
  /** When the job started, or last got a page. */
  movedMs: number;
};

/** Runs pulls, the oldest first. */
export class PullQueue {
  readonly #options: PullQueueOptions;
  readonly #waiting = new Map<string, QueuedPull>();
  readonly #running = new Map<number, QueuedPull>();

  constructor(options: PullQueueOptions) {
    this.#options = options;
  }

  /** Adds a job, unless the same one waits already. */
  add(partition: number, peer: string): void {
    const name = `${partition} ${peer}`;
    if (this.#waiting.has(name)) return;
    const nowMs = this.#options.clock.monotonicMs();
    this.#waiting.set(name, { partition, peer, sinceMs: nowMs, movedMs: nowMs });
    this.#work();
  }

  /** Forgets the waiting jobs. */
  clear(): void {
    this.#waiting.clear();
  }

  get waiting(): number {
    return this.#waiting.size;
  }

  get running(): number {
    return this.#running.size;
  }

  /** Whether a pull of a partition waits or runs. */
  isBusy(partition: number): boolean {
    return (
      this.#running.has(partition) ||
      [...this.#waiting.values()].some((job) => job.partition === partition)
    );
  }

  /** The job that has run longest; if none runs, the job that has waited longest. */
  get oldest(): AgedJob | undefined {
    const [entry] = [...this.#running.values(), ...this.#waiting.values()];
    if (entry === undefined) return undefined;
    const { partition, peer, sinceMs } = entry;
    return { partition, peer, ageMs: this.#options.clock.monotonicMs() - sinceMs };
  }

  /** Notes that the running pull of a partition got a page. */
  noteProgress(partition: number): void {
    const job = this.#running.get(partition);
    if (job !== undefined) job.movedMs = this.#options.clock.monotonicMs();
  }

  /** The running job without a page for longest, and that time; undefined if none runs. */
  get stalled(): AgedJob | undefined {
    let stalled: QueuedPull | undefined;
    for (const job of this.#running.values())
      if (stalled === undefined || job.movedMs < stalled.movedMs) stalled = job;
    if (stalled === undefined) return undefined;
    const { partition, peer, movedMs } = stalled;
    return { partition, peer, ageMs: this.#options.clock.monotonicMs() - movedMs };
  }

  #work(): void {
    for (const [name, job] of this.#waiting) {
      if (this.#running.size >= this.#options.concurrency) return;
      if (this.#running.has(job.partition)) continue;
      this.#waiting.delete(name);
      job.sinceMs = this.#options.clock.monotonicMs();
      job.movedMs = job.sinceMs;
      this.#running.set(job.partition, job);
      void this.#options.run(job).finally(() => {
        this.#running.delete(job.partition);
        this.#work();
      });
    }
  }
}
