/**
 * What one replica writes. Its rows go to the commit queue; once they are durable, so are the dots
 * that came with them.
 */
import { MecError } from '../../base/errors.ts';
import type { CausalContext, Dot } from '../../core/causality/causal-context.ts';
import type { CommitQueue, Done } from '../commit-queue.ts';
import type { RowChange } from '../engine.ts';
import * as keyspace from '../keyspace.ts';
import { checkpointToRecord } from '../records.ts';
import type { ReplicaClock } from './replica-clock.ts';
import type { ReplicaStanding } from './replica-standing.ts';

/** What a checkpoint of the replica is made of, and where it goes. */
export interface CommitParts {
  readonly partition: number;
  readonly queue: CommitQueue;
  readonly clock: ReplicaClock;
  readonly standing: ReplicaStanding;
  /** The dots whose log entries have been cut. */
  readonly cut: CausalContext;
}

/** What comes of a commit. */
export interface CommitOutcome {
  /** Dots that are durable once the rows are. */
  readonly dots?: readonly Dot[] | CausalContext;
  readonly done?: Done;
}

/** The commits of one replica. */
export class ReplicaCommits {
  readonly #parts: CommitParts;
  #count = 0;
  #isRetired = false;

  constructor(parts: CommitParts) {
    this.#parts = parts;
  }

  /** How often anything was changed: two equal counts, and nothing was in between. */
  get count(): number {
    return this.#count;
  }

  /** Whether another replica has taken the place of this one. */
  get isRetired(): boolean {
    return this.#isRetired;
  }

  /** Another has taken its place: whoever still holds on to this one must not write into the rows of the other. */
  retire(): void {
    this.#isRetired = true;
  }

  /** Throws if the disk has failed, or is so far behind that nothing more may wait for it. */
  assertRoom(): void {
    this.#parts.queue.assertRoom();
  }

  /** Submits rows that belong together. */
  submit(changes: readonly RowChange[], { dots, done = () => {} }: CommitOutcome = {}): void {
    this.#count += 1;
    if (this.#isRetired) return done(new MecError('stopping'));
    this.#parts.queue.submit(changes, (error) => {
      if (error === undefined && dots !== undefined) this.#parts.clock.settle(dots);
      done(error);
    });
  }

  /** Submits rows together with a checkpoint: the state of the replica as it is now. */
  submitState(changes: readonly RowChange[], outcome?: CommitOutcome): void {
    this.submit([...changes, this.#checkpoint()], outcome);
  }

  /** Resolves when all that was submitted before is durable. */
  whenDurable(): Promise<void> {
    return this.#parts.queue.commit([]);
  }

  #checkpoint(): RowChange {
    const { partition, clock, standing, cut } = this.#parts;
    const key = keyspace.checkpointRow(partition);
    const state = { ...standing.kept, clock: clock.seen, cut, lost: clock.lost };
    return { key, value: checkpointToRecord(state, key) };
  }
}
