/**
 * The queue of pulls. A partition has one pull at a time, because each of two snapshots at once
 * would take the keys of the other for its own. Only a few partitions are pulled at a time, because
 * the node serves clients meanwhile.
 */
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
  /** The time by which jobs are aged, in ms: it stands still while this node does not run. */
  readonly nowMs: () => number;
  /** The number of jobs that run at once. */
  readonly concurrency: number;
  /** Does a job; never rejects. Resolves with false if the job must be tried again. */
  readonly run: (job: PullJob) => Promise<boolean>;
  /** Whether a job must be done, and its peer can be reached. */
  readonly isWanted: (job: PullJob) => boolean;
}

type QueuedPull = PullJob & {
  sinceMs: number;
  /** When the job started, or last got a page, or could not get one for another reason. */
  movedMs: number;
  /** Whether this node itself holds the job back. */
  isHeld: boolean;
  /** The tries in a row that have failed without a page. */
  failures: number;
};

type FailedPull = QueuedPull & { readonly endedMs: number };

/** Runs pulls, the oldest first. */
export class PullQueue {
  readonly #options: PullQueueOptions;
  readonly #waiting = new Map<string, QueuedPull>();
  readonly #running = new Map<number, QueuedPull>();
  /**
   * Jobs that must be tried again, at most one for each partition and member. Without them, a pull
   * that ends with its timeout again and again would look like many young ones.
   */
  readonly #failed = new Map<string, FailedPull>();
  /** When each member last gave a page, or all that it had. */
  readonly #answeredMs = new Map<string, number>();

  constructor(options: PullQueueOptions) {
    this.#options = options;
  }

  /** Adds a job, unless the same one waits already. */
  add(partition: number, peer: string): void {
    const name = nameOf(partition, peer);
    if (this.#waiting.has(name)) return;
    const nowMs = this.#nowMs;
    const times = { sinceMs: nowMs, movedMs: nowMs };
    this.#waiting.set(name, { partition, peer, ...times, isHeld: false, failures: 0 });
    this.#work();
  }

  /** Forgets the waiting jobs. */
  clear(): void {
    this.#waiting.clear();
  }

  /**
   * Notes that a partition lacks nothing that a peer has. A failed pull is then forgotten, unless
   * others wait for the same peer, and it has answered none.
   */
  noteEqual(partition: number, peer: string): void {
    const failed = this.#failed.get(nameOf(partition, peer));
    if (failed === undefined) return;
    const isAsked = [...this.#running.values(), ...this.#waiting.values()].some(
      (job) => job.peer === peer,
    );
    if (!isAsked || this.#hasAnswered(failed)) this.#failed.delete(nameOf(partition, peer));
  }

  /** Whether the peer of a failed job has answered another one since. */
  #hasAnswered({ peer, endedMs }: FailedPull): boolean {
    return (this.#answeredMs.get(peer) ?? -Infinity) > endedMs;
  }

  get #nowMs(): number {
    return this.#options.nowMs();
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

  /** The job that has been tried for longest; if there is none, the job that waits for longest. */
  get oldest(): AgedJob | undefined {
    const tried = this.#eldest(({ sinceMs }) => sinceMs);
    if (tried !== undefined) return tried;
    const [first] = this.#waiting.values();
    return first && { ...jobOf(first), ageMs: this.#nowMs - first.sinceMs };
  }

  /** Notes that the running pull of a partition got a page. */
  noteProgress(partition: number): void {
    const job = this.#running.get(partition);
    if (job === undefined) return;
    job.movedMs = this.#nowMs;
    job.failures = 0;
    this.#answeredMs.set(job.peer, job.movedMs);
  }

  /** Holds the running pull of a partition back until a pause of this node is over. */
  async hold(partition: number, pause: Promise<void>): Promise<void> {
    const job = this.#running.get(partition);
    if (job !== undefined) job.isHeld = true;
    await pause;
    if (job === undefined) return;
    job.isHeld = false;
    job.movedMs = this.#nowMs;
  }

  /**
   * The job that has been tried for longest without a page; undefined if none is tried. A job that
   * is held back, or whose peer cannot be reached, has no age before that ends.
   */
  get stalled(): AgedJob | undefined {
    for (const job of this.#running.values())
      if (job.isHeld || !this.#options.isWanted(job)) job.movedMs = this.#nowMs;
    return this.#eldest(({ movedMs }) => movedMs);
  }

  /** The running or failed job that is oldest by one of its times. */
  #eldest(timeOf: (job: QueuedPull) => number): AgedJob | undefined {
    const nowMs = this.#nowMs;
    const aged = [...this.#running.values()].map((job) => ({ job, ageMs: nowMs - timeOf(job) }));
    for (const [name, job] of this.#failed) {
      if (this.#options.isWanted(job)) aged.push({ job, ageMs: this.#ageOfFailed(job) });
      else this.#failed.delete(name);
    }
    const [first, ...others] = aged;
    if (first === undefined) return undefined;
    const { job, ageMs } = others.reduce((a, b) => (b.ageMs > a.ageMs ? b : a), first);
    return { ...jobOf(job), ageMs };
  }

  /**
   * The age of a failed job. It stands still if the job has failed only once, and the peer has
   * answered since: the next try may succeed.
   */
  #ageOfFailed(job: FailedPull): number {
    const standsStill = job.failures === 1 && this.#hasAnswered(job);
    return (standsStill ? job.endedMs : this.#nowMs) - job.movedMs;
  }

  #work(): void {
    for (const [name, job] of this.#waiting) {
      if (this.#running.size >= this.#options.concurrency) return;
      if (this.#running.has(job.partition)) continue;
      this.#waiting.delete(name);
      this.#start(name, job);
    }
  }

  /** Starts a job, which continues the age of its failed predecessor. */
  #start(name: string, job: QueuedPull): void {
    const failed = this.#failed.get(name);
    this.#failed.delete(name);
    job.movedMs = this.#nowMs - (failed === undefined ? 0 : this.#ageOfFailed(failed));
    job.sinceMs = job.movedMs;
    job.failures = failed?.failures ?? 0;
    this.#running.set(job.partition, job);
    void this.#options.run(job).then((isOver) => {
      this.#running.delete(job.partition);
      const failures = job.failures + 1;
      if (isOver) this.#answeredMs.set(job.peer, this.#nowMs);
      else this.#failed.set(name, { ...job, failures, endedMs: this.#nowMs });
      this.#work();
    });
  }
}

const nameOf = (partition: number, peer: string): string => `${partition} ${peer}`;

const jobOf = ({ partition, peer }: PullJob): PullJob => ({ partition, peer });
