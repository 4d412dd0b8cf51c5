/**
 * The pulls that wait and those that run: one per partition at a time, because two snapshots of one
 * partition at once would each take the other's keys for their own; a few partitions at a time, because
 * clients are served meanwhile.
 */
import type { Clock } from '../../base/env.ts';

/** A partition that catches up with a peer. */
export interface PullJob {
  readonly partition: number;
  /** The peer is looked up by name when the job starts: it may have another address by then. */
  readonly peer: string;
}

/** A job, and for how long it has waited or run. */
export type AgedJob = PullJob & { readonly ageMs: number };

/** What a queue needs. */
export interface PullQueueOptions {
  readonly clock: Clock;
  /** Jobs that run at once. */
  readonly concurrency: number;
  /** Does a job; never rejects. */
  readonly run: (job: PullJob) => Promise<void>;
}

type QueuedPull = PullJob & { sinceMs: number };

/** Runs pulls, the oldest first. */
export class PullQueue {
  readonly #options: PullQueueOptions;
  readonly #waiting = new Map<string, QueuedPull>();
  readonly #running = new Map<number, QueuedPull>();

  constructor(options: PullQueueOptions) {
    this.#options = options;
  }

  /** Adds a job, unless it waits already. */
  add(partition: number, peer: string): void {
    const name = `${partition} ${peer}`;
    if (this.#waiting.has(name)) return;
    this.#waiting.set(name, { partition, peer, sinceMs: this.#options.clock.monotonicMs() });
    this.#work();
  }

  /** Forgets the jobs that wait. */
  clear(): void {
    this.#waiting.clear();
  }

  get waiting(): number {
    return this.#waiting.size;
  }

  get running(): number {
    return this.#running.size;
  }

  /** Whether a partition waits for a pull, or has one. */
  isBusy(partition: number): boolean {
    return this.#running.has(partition) || [...this.#waiting.values()].some((job) => job.partition === partition);
  }

  /** The job that has run longest, or else waited longest. */
  get oldest(): AgedJob | undefined {
    const [entry] = [...this.#running.values(), ...this.#waiting.values()];
    if (entry === undefined) return undefined;
    const { partition, peer, sinceMs } = entry;
    return { partition, peer, ageMs: this.#options.clock.monotonicMs() - sinceMs };
  }

  #work(): void {
    for (const [name, job] of this.#waiting) {
      if (this.#running.size >= this.#options.concurrency) return;
      if (this.#running.has(job.partition)) continue;
      this.#waiting.delete(name);
      job.sinceMs = this.#options.clock.monotonicMs();
      this.#running.set(job.partition, job);
      void this.#options.run(job).finally(() => {
        this.#running.delete(job.partition);
        this.#work();
      });
    }
  }
}
