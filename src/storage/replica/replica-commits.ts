/**
 * The commits of one replica. Its rows go to the commit queue. When they are durable, so are the
 * dots that came with them.
 */
import { MecError } from '../../base/errors.ts';
import type { CausalContext, Dot } from '../../core/causality/causal-context.ts';
import type { CommitQueue, Done } from '../commit-queue.ts';
import type { RowChange } from '../engine.ts';
import * as keyspace from '../keyspace.ts';
import { checkpointToRecord } from '../records.ts';
import type { ReplicaClock } from './replica-clock.ts';
import type { ReplicaStatus } from './replica-status.ts';

/** The parts of a replica that its commits need. */
export interface CommitParts {
  readonly partition: number;
  readonly queue: CommitQueue;
  readonly clock: ReplicaClock;
  readonly status: ReplicaStatus;
  /** Dots whose log entries have been cut. */
  readonly cut: CausalContext;
}

/** The effects of a commit when its rows are durable. */
export interface CommitOutcome {
  /** Dots that become durable. */
  readonly dots?: readonly Dot[] | CausalContext;
  readonly done?: Done;
}

/** Submits the rows of one replica. */
export class ReplicaCommits {
  readonly #parts: CommitParts;
  #count = 0;
  #isRetired = false;

  constructor(parts: CommitParts) {
    this.#parts = parts;
  }

  /** The number of commits with rows: if two counts are equal, nothing changed in between. */
  get count(): number {
    return this.#count;
  }

  /** Whether another replica has taken the place of this one. */
  get isRetired(): boolean {
    return this.#isRetired;
  }

  /**
   * Ends the commits of a replica whose place another has taken. A caller that still has the old
   * one must not write into the rows of its successor.
   */
  retire(): void {
    this.#isRetired = true;
  }

  /** Throws if the disk has failed, or if too many rows wait for it. */
  assertRoom(): void {
    this.#parts.queue.assertRoom();
  }

  /** Submits rows that belong together. Without rows, `done` waits for all earlier ones. */
  submit(changes: readonly RowChange[], { dots, done = () => {} }: CommitOutcome = {}): void {
    this.#count += Number(changes.length > 0);
    if (this.#isRetired) return done(new MecError('stopping'));
    this.#parts.queue.submit(changes, (error) => {
      if (error === undefined && dots !== undefined) this.#parts.clock.settle(dots);
      done(error);
    });
  }

  /** Submits rows together with a checkpoint, which records the present state of the replica. */
  submitState(changes: readonly RowChange[], outcome?: CommitOutcome): void {
    this.submit([...changes, this.#checkpoint()], outcome);
  }

  /** Resolves when all earlier rows are durable. */
  whenDurable(): Promise<void> {
    return this.#parts.queue.commit([]);
  }

  #checkpoint(): RowChange {
    const { partition, clock, status, cut } = this.#parts;
    const key = keyspace.checkpointRow(partition);
    const state = { ...status.checkpointFields, clock: clock.seen, cut, lost: clock.lost };
    return { key, value: checkpointToRecord(state, key) };
  }
}
