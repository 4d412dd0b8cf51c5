/**
 * Completeness: whether a replica counts for reads. A new replica counts when it cannot have missed
 * an acknowledged write: it has seen the clocks of enough complete owners, or of every member
 * (`core/causality/evidence.ts`).
 *
 * A replica that was complete before a start counts again after a comparison with the other owners.
 * It does not wait long for owners that are away. A disk that was reset to an earlier state is a
 * lost disk: the comparison only shortens the time in which it answers reads.
 */
import type { Env, Timer } from '../../base/env.ts';
import { PARTITIONS } from '../../core/limits.ts';
import { MAX_DOUBTFUL_ANSWERS, MAX_STATEMENTS, type SyncLimits } from '../limits.ts';
import {
  areSameReplicas,
  isCompleteByAll,
  isCompleteByOwners,
  type Round,
} from '../../core/causality/evidence.ts';
import { leastWriteQuorum, type Quorum } from '../../core/quorum/quorum.ts';
import type { Replica } from '../../storage/replica/replica.ts';
import type { Store } from '../../storage/store.ts';
import type { Members } from '../membership/members.ts';
import type { Peers } from '../membership/peers.ts';
import type { Partitions } from '../partitions/partition-view.ts';
import type { Questions } from './questions.ts';

/** The parts of a node that completeness uses. */
export interface CompletenessOptions {
  readonly env: Env;
  readonly members: Members;
  readonly peers: Peers;
  readonly store: Store;
  readonly partitions: Partitions;
  readonly questions: Questions;
  readonly limits: SyncLimits;
  /**
   * The numbers of disks that a write needs before it is acknowledged, by the configuration and its
   * policies.
   */
  readonly writeQuorums: () => readonly Quorum[];
  /** Has a partition pulled from a peer. */
  readonly enqueue: (partition: number, peer: string) => void;
}

/** Decides which replicas of one node are complete. */
export class Completeness {
  readonly #options: CompletenessOptions;
  /** Whether replicas count that were not compared since the start. */
  #areAllConfirmed = false;
  #timers: readonly Timer[] = [];
  #isWaitingForAll = true;
  #isAsking = false;
  /**
   * The number of questions in a row that some member did not answer, or answered with another
   * member list or life.
   */
  #doubtfulRounds = 0;
  #isStopped = false;

  constructor(options: CompletenessOptions) {
    this.#options = options;
  }

  start(): void {
    const { env, limits } = this.#options;
    this.#timers = [
      env.clock.after(limits.confirmReachableMs, () => this.#confirmReachable()),
      env.clock.after(limits.confirmMs, () => this.#confirmAll()),
    ];
    this.#eachPartition((partition) => this.#confirmIfCompared(partition));
  }

  stop(): void {
    this.#isStopped = true;
    for (const timer of this.#timers) timer.cancel();
    this.#options.partitions.end();
  }

  #eachPartition(visit: (partition: number) => void): void {
    for (let partition = 0; partition < PARTITIONS; partition++) visit(partition);
  }

  /** The first probes were answered, so replicas stop waiting for owners that cannot be reached. */
  #confirmReachable(): void {
    this.#isWaitingForAll = false;
    this.#eachPartition((partition) => this.#confirmIfCompared(partition));
  }

  /** Notes that the replica has seen all dots that a member has. */
  noteEqual(partition: number, member: string): void {
    if (this.#areAllConfirmed) return;
    this.#options.partitions.of(partition).comparedMembers.add(member);
    this.#confirmIfCompared(partition);
  }

  #confirmIfCompared(partition: number): void {
    const { members, peers, partitions } = this.#options;
    const view = partitions.of(partition);
    const others = this.#otherOwners(partition);
    const waited = this.#isWaitingForAll
      ? others
      : others.filter((name) => peers.reach(name) === 'reachable');
    if (members.replicas > 0 && waited.every((name) => view.comparedMembers.has(name)))
      view.confirm();
  }

  #confirmAll(): void {
    this.#areAllConfirmed = true;
    this.#eachPartition((partition) => this.#options.partitions.of(partition).confirm());
  }

  /**
   * Looks for replicas that may be complete now, and asks the members about the others. A replica
   * of a store that was reopened in this life counts as its predecessor did.
   */
  check(): void {
    if (this.#areAllConfirmed) this.#confirmAll();
    const waiting: Replica[] = [];
    for (let partition = 0; partition < PARTITIONS; partition++) {
      const replica = this.#options.store.find(partition);
      if (replica !== undefined && this.#isWanted(replica) && !this.completeIfAllowed(partition))
        waiting.push(replica);
    }
    if (waiting.length === 0 || this.#isAsking || !this.#options.questions.hasRoom) return;
    this.#isAsking = true;
    void this.#askFor(waiting).finally(() => {
      this.#isAsking = false;
      this.#checkAgain();
    });
  }

  /**
   * Asks again soon if an answer did not fit. Member lists and lives that have just changed differ
   * for a moment, and a new cluster must not wait a whole round for that.
   */
  #checkAgain(): void {
    const { env, limits } = this.#options;
    const isNear = this.#doubtfulRounds > 0 && this.#doubtfulRounds <= MAX_DOUBTFUL_ANSWERS;
    if (isNear && !this.#isStopped) env.clock.after(limits.askAgainMs, () => this.check());
  }

  /** Whether a replica should become complete, and this node knows enough to decide it. */
  #isWanted(replica: Replica): boolean {
    if (replica.isComplete) return false;
    const { partition, status, asideDots, isWhole } = replica;
    const { members } = this.#options;
    // Without owners there is no cluster yet. A node that does not know all members cannot ask
    // enough of them.
    const { knowsOwners } = members;
    return (
      knowsOwners &&
      !status.isUnconfirmed &&
      asideDots.isEmpty &&
      isWhole &&
      members.holds(partition)
    );
  }

  /**
   * Marks the replica as complete if the statements of the owners allow it. Returns whether it is
   * complete.
   */
  completeIfAllowed(partition: number): boolean {
    const { store, partitions } = this.#options;
    const replica = store.find(partition);
    if (replica === undefined || !this.#isWanted(replica)) return replica?.isComplete === true;
    const { evidence } = partitions.of(partition);
    const statements = this.#otherOwners(partition).flatMap(
      (name) => evidence.statement(replica.id, name) ?? [],
    );
    if (!isCompleteByOwners(replica.durableClock, this.#ownersNeeded(), statements)) return false;
    replica.markComplete(true);
    return true;
  }

  /** The number of complete owners that includes one of every write quorum. */
  #ownersNeeded(): number {
    const { members, writeQuorums } = this.#options;
    // This node may have lost its disk and joined again. So the present number of owners counts,
    // and also the number when this node was an owner before.
    const quorums = writeQuorums();
    let enough = 1;
    const most = Math.min(members.n, members.in('up', 'leaving', 'joining').length);
    for (let n = members.replicas; n <= most; n++)
      enough = Math.max(enough, n - leastWriteQuorum(quorums, n) + 1);
    return enough;
  }

  #otherOwners(partition: number): string[] {
    const { members } = this.#options;
    return members.owners(partition).filter((name) => name !== members.self);
  }

  /**
   * Asks every member about the waiting replicas, page by page, and enqueues pulls of the dots that
   * they lack.
   */
  async #askFor(waiting: readonly Replica[]): Promise<void> {
    const { questions } = this.#options;
    let isDoubtful = false;
    for (let i = 0; i < waiting.length && !this.#isStopped; i += MAX_STATEMENTS) {
      const page = waiting.slice(i, i + MAX_STATEMENTS);
      const names = questions.allOtherMembers();
      const partitions = page.map(({ partition }) => partition);
      const filling = page.map(({ id }) => id);
      const first = await questions.ask(partitions, names, filling);
      isDoubtful ||= !first.isWhole;
      for (const replica of page) this.#fetchMissing(replica, first.rounds.get(replica.partition));
      const left = page.filter(
        (replica) => !this.completeIfAllowed(replica.partition) && this.#isWanted(replica),
      );
      const ready = left.filter(({ partition, durableClock }) => {
        const round = first.rounds.get(partition);
        return first.isWhole && round !== undefined && isCompleteByAll(durableClock, round);
      });
      if (ready.length === 0) continue;
      const again = ready.map(({ partition }) => partition);
      const second = await questions.ask(again, names);
      isDoubtful ||= !second.isWhole;
      if (second.isWhole)
        for (const replica of ready) this.#completeIfSame(replica, first.rounds, second.rounds);
    }
    this.#doubtfulRounds = isDoubtful ? this.#doubtfulRounds + 1 : 0;
  }

  #fetchMissing({ partition, durableClock }: Replica, round: Round | undefined): void {
    for (const [name, { clock }] of round ?? []) {
      if (!durableClock.covers(clock)) this.#options.enqueue(partition, name);
    }
  }

  #completeIfSame(
    replica: Replica,
    first: ReadonlyMap<number, Round>,
    second: ReadonlyMap<number, Round>,
  ): void {
    const { partition } = replica;
    const [before, after] = [first.get(partition), second.get(partition)];
    const isSame = before !== undefined && after !== undefined && areSameReplicas(before, after);
    const isStill = this.#options.store.find(partition) === replica && this.#isWanted(replica);
    if (isSame && isStill && isCompleteByAll(replica.durableClock, before))
      replica.markComplete(true);
  }
}
