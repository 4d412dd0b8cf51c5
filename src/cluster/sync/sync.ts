/**
 * Sync: every replica catches up with the others, all the time. This one mechanism is anti-entropy,
 * hinted hand-off, bootstrap and recovery.
 *
 * A round compares this node with one peer: the hashes of all their clocks go in one message. If
 * two hashes differ, each node pulls the dots that it lacks from the other (`comparisons.ts`,
 * `pulls.ts`). Rounds run on a jittered timer, at once with a peer that is back, and soon after a
 * write that a peer has not acknowledged.
 *
 * The statements of others about their replicas are kept as evidence (`partitions/evidence.ts`). It
 * decides which log entries are cut (`retention.ts`), which replicas count (`completeness.ts`), and
 * which are dropped or closed (`fallbacks.ts`, `gaps.ts`).
 */
import { jittered } from '../../base/delays.ts';
import type { Env, Timer } from '../../base/env.ts';
import { MecError } from '../../base/errors.ts';
import type { Recorder } from '../../base/recorder.ts';
import { whyFalse } from '../../core/causality/evidence.ts';
import { PARTITIONS } from '../../core/limits.ts';
import { PENDING_COMPARES, type SyncLimits } from '../limits.ts';
import type { Quorum } from '../../core/quorum/quorum.ts';
import type { Replica } from '../../storage/replica/replica.ts';
import type { Store } from '../../storage/store.ts';
import type {
  CompareRequest,
  PullRequest,
  Reply,
  SnapshotRequest,
  StateRequest,
} from '../../transport/message.ts';
import type { SyncStatus } from '../status.ts';
import type { Floors } from '../partitions/floors.ts';
import type { Partitions } from '../partitions/partition-view.ts';
import type { Members } from '../membership/members.ts';
import { COMPLETE_BEFORE, type LastIncomplete, type Missed } from '../membership/missed-owners.ts';
import type { Peer, Peers } from '../membership/peers.ts';
import { Comparisons, type Difference } from './comparisons.ts';
import { Completeness } from './completeness.ts';
import { Conversations } from './conversations.ts';
import { Fallbacks } from './fallbacks.ts';
import { Gaps } from './gaps.ts';
import { PeerClosedDots } from './peer-closed-dots.ts';
import { Pulls } from './pulls.ts';
import type { AgedJob } from './pull-queue.ts';
import { Questions } from './questions.ts';
import { Repairs } from './repairs.ts';
import { cutLog } from './retention.ts';
import { makeStatement } from './statement.ts';
import { servePull } from './pull-server.ts';
import { raiseFloor } from './floor-raising.ts';
import type { Throttle } from './throttle.ts';
import { Watchdog } from './watchdog.ts';

/** The parts of a node that sync uses. */
export interface SyncOptions {
  readonly env: Env;
  readonly members: Members;
  readonly peers: Peers;
  readonly store: Store;
  readonly floors: Floors;
  readonly partitions: Partitions;
  /** The life of this process. */
  readonly life: string;
  /**
   * The numbers of disks that a write needs before it is acknowledged, by the configuration and its
   * policies.
   */
  readonly writeQuorums: () => readonly Quorum[];
  readonly limits: SyncLimits;
  readonly recorder?: Recorder | undefined;
}

const NOTHING_MISSED: Missed = {
  confirmations: 0,
  asOwner: () => false,
  asNextOwner: () => false,
};

/** Keeps the replicas of one node in step with those of the others. */
export class Sync {
  readonly #options: SyncOptions;
  readonly #limits: SyncLimits;
  readonly #completeness: Completeness;
  readonly #fallbacks: Fallbacks;
  readonly #gaps: Gaps;
  readonly #peerClosedDots: PeerClosedDots;
  /** Repairs replicas after damage. */
  readonly repairs: Repairs;
  readonly #conversations: Conversations;
  readonly #pulls: Pulls;
  readonly #comparisons: Comparisons;
  readonly #watchdog: Watchdog;
  readonly #resyncTimers = new Map<string, Timer>();
  /** The hash of the last placement that was looked at. */
  #placed = 0;
  /** The owners that this node may have missed then. */
  #missedOwners = 0;
  /** The confirmations of the member list by a majority until then. */
  #confirmations = 0;
  /** The partitions that this node owned by that placement. */
  readonly #owned = new Set<number>();
  /** The partitions of which this node was a pending owner by that placement. */
  readonly #pending = new Set<number>();
  /** When the replica of a partition was last seen incomplete. */
  readonly #lastIncomplete = new Map<number, LastIncomplete>();
  #timer: Timer | undefined;
  #isStopped = false;

  constructor(options: SyncOptions) {
    const { env, members, store, partitions, limits } = options;
    this.#options = options;
    this.#limits = limits;
    const questions = new Questions(options);
    const enqueue = (partition: number, peer: string): void => this.#pulls.enqueue(partition, peer);
    this.#completeness = new Completeness({ ...options, questions, enqueue });
    this.#fallbacks = new Fallbacks({ env, members, store, partitions, questions });
    this.#gaps = new Gaps({ env, members, store, partitions, questions, limits });
    this.#peerClosedDots = new PeerClosedDots({ ...options, questions });
    this.repairs = new Repairs({ ...options, questions });
    this.#conversations = new Conversations({
      env,
      limits,
      makeStatement: (replica) => makeStatement(options, replica),
    });
    this.#watchdog = new Watchdog(env, limits);
    const shared = { ...options, questions, completeness: this.#completeness };
    this.#pulls = new Pulls(shared);
    const onEqual = (partition: number, peer: string): void =>
      this.#pulls.queue.noteEqual(partition, peer);
    this.#comparisons = new Comparisons({ ...shared, enqueue, onEqual });
  }

  start(): void {
    this.#options.members.onChange(() => this.#onMembers());
    this.#followPlacement(NOTHING_MISSED);
    this.#completeness.start();
    this.#scheduleRound();
  }

  /**
   * The placement may have changed: a new holder must catch up, and a former one does not count.
   */
  #onMembers(): void {
    const { members } = this.#options;
    const { placementsHash, missedOwners } = members;
    const isSame = this.#placed === placementsHash && this.#missedOwners === missedOwners;
    if (!this.#isStopped && !isSame) this.#followPlacement(members.missed);
  }

  #followPlacement(missed: Missed): void {
    const { members, peers, store, partitions } = this.#options;
    this.#placed = members.placementsHash;
    this.#missedOwners = members.missedOwners;
    partitions.forgetEvidence();
    if (missed.confirmations !== this.#confirmations) this.#noteConfirmed();
    this.#confirmations = missed.confirmations;
    for (let partition = 0; partition < PARTITIONS; partition++) {
      const isOwner = members.owns(partition);
      // A pending owner must be filled, even if it owned the partition before.
      const since = this.#lastIncomplete.get(partition) ?? COMPLETE_BEFORE;
      const isReplaced = this.#owned.has(partition)
        ? !isOwner || missed.asOwner(partition, since)
        : this.#pending.has(partition) && missed.asNextOwner(partition, since);
      if (isReplaced) store.markOutdated(partition);
      else if (!this.#isHolder(partition)) store.find(partition)?.markComplete(false);
      keepIf(this.#owned, partition, isOwner);
      keepIf(this.#pending, partition, !isOwner && this.#isHolder(partition));
      if (store.find(partition)?.status.mustBeFilled === true) {
        const wasPending = !isOwner;
        this.#lastIncomplete.set(partition, { version: members.missedOwners, wasPending });
      }
    }
    this.#completeness.check();
    if (members.ownPendingPartitions.length === 0) return this.#pulls.throttle.rest();
    for (const peer of peers.allReachable().slice(0, PENDING_COMPARES))
      this.#comparisons.compareWith(peer);
  }

  /**
   * A majority of the members had the same list as this node, so this node really followed as an
   * owner. A member that joins and leaves after that takes nothing from it.
   */
  #noteConfirmed(): void {
    for (const [partition, { version }] of this.#lastIncomplete)
      if (this.#owned.has(partition))
        this.#lastIncomplete.set(partition, { version, wasPending: false });
  }

  /** The bytes that have come in for partitions that this node does not own yet. */
  intake(): ReturnType<Throttle['status']> {
    return this.#pulls.throttle.status();
  }

  stop(): void {
    this.#isStopped = true;
    this.#timer?.cancel();
    this.#completeness.stop();
    this.#conversations.end();
    this.#peerClosedDots.stop();
    for (const timer of this.#resyncTimers.values()) timer.cancel();
    this.#pulls.stop();
    this.#comparisons.stop();
  }

  /** The number of partitions that this node holds and that do not count yet. */
  get incomplete(): number {
    return this.#count((partition, { isComplete }) => !isComplete && this.#isHolder(partition));
  }

  #count(isCounted: (partition: number, replica: Replica) => boolean): number {
    let count = 0;
    for (let partition = 0; partition < PARTITIONS; partition++) {
      const replica = this.#options.store.find(partition);
      if (replica !== undefined) count += Number(isCounted(partition, replica));
    }
    return count;
  }

  /** The members that must take the writes that this node holds as a fallback. */
  get writeTakers(): readonly string[] {
    return this.#fallbacks.takers;
  }

  /** The peers that differ, each with the number of partitions and the time at rest. */
  differences(): ReadonlyMap<string, Difference> {
    return this.#comparisons.differences();
  }

  /** The pull that has made no progress for longest, over all its tries. */
  get stalledPull(): AgedJob | undefined {
    return this.#pulls.queue.stalled;
  }

  /** For `/status`. */
  status(): SyncStatus {
    return {
      incomplete: this.incomplete,
      fallbacks: this.#count((partition, { isBlank }) => !this.#isHolder(partition) && !isBlank),
      ...this.#pulls.status(),
      dropped: this.#fallbacks.dropped,
    };
  }

  /** Compares with a peer that has become reachable. */
  onPeerBack(peer: Peer): void {
    this.#comparisons.compareWith(peer);
    this.#completeness.check();
    void this.#peerClosedDots.learnFrom(peer.id);
  }

  /** Compares soon with a peer that has not acknowledged a write, if it can be reached then. */
  onPeerMissed(peer: Peer): void {
    const { env, peers } = this.#options;
    if (this.#isStopped || this.#resyncTimers.has(peer.id)) return;
    const timer = env.clock.after(this.#limits.resyncMs, () => {
      this.#resyncTimers.delete(peer.id);
      const [present] = peers.reachable([peer.id], 0);
      if (present !== undefined) this.#comparisons.compareWith(present);
    });
    this.#resyncTimers.set(peer.id, timer);
  }

  /** Answers a peer's comparison. */
  serveCompare(request: CompareRequest): Reply {
    return this.#comparisons.serve(request);
  }

  /** Answers a peer's pull, and notes the statement in it. */
  async servePull({ from, partition, statement }: PullRequest): Promise<Reply> {
    const { env, members, store, partitions } = this.#options;
    const replica = store.of(partition);
    const { evidence, fences } = partitions.of(partition);
    const reason = whyFalse(statement, replica, members.mayBeTakenForDead);
    if (reason !== undefined) {
      env.log.error('clock of a peer refused', { partition, peer: from, reason });
      throw new MecError('bad-parameter', { detail: `The clock is refused: ${reason}` });
    }
    evidence.noteClock(from, statement);
    // The fence must exist before the first byte, and before any statement that helps to make the
    // asker complete.
    const filled = fences.makeFence(from, statement);
    return servePull(
      replica,
      { asker: statement, own: makeStatement(this.#options, replica, filled) },
      this.#limits,
    );
  }

  /** Answers a peer that takes a snapshot. */
  serveSnapshot(request: SnapshotRequest): Promise<Reply> {
    return this.#conversations.serve(this.#options.store.of(request.partition), request);
  }

  /** Answers a question about the replicas of this node. */
  async serveState(request: StateRequest): Promise<Reply> {
    if (request.filling.length === 0) await this.#whenAcceptedIsDurable(request);
    return this.#stateOf(request);
  }

  /**
   * Resolves when the disk has all that was accepted by the present member list. A store that still
   * waits for the disk will be acknowledged. If a statement omitted it, its dot could be closed. A
   * question that helps to fill a replica need not wait: its fence is named in later
   * acknowledgements.
   */
  async #whenAcceptedIsDurable({ partitions: [first] }: StateRequest): Promise<void> {
    const { members, store } = this.#options;
    if (first === undefined) return;
    for (let hash: number | undefined; hash !== members.hash;) {
      ({ hash } = members);
      await store.of(first).commits.whenDurable();
    }
  }

  #stateOf({ from, life, partitions, filling }: StateRequest): Reply {
    const { members, life: own, store, partitions: views } = this.#options;
    const statements = partitions.map((partition, i) => {
      const replica = filling[i] ?? '';
      const filled =
        replica === ''
          ? undefined
          : views.of(partition).fences.makeFence(from, { isComplete: false, life, replica });
      return { partition, ...makeStatement(this.#options, store.of(partition), filled) };
    });
    return { kind: 'stated', life: own, members: members.hash, replicas: statements };
  }

  #isHolder(partition: number): boolean {
    return this.#options.members.holds(partition);
  }

  #scheduleRound(): void {
    const { env } = this.#options;
    this.#timer = env.clock.after(jittered(env.random, this.#limits.intervalMs), () => {
      if (this.#isStopped) return;
      this.#round();
      this.#scheduleRound();
    });
  }

  #round(): void {
    // A node with incomplete replicas, or one that leaves, compares with more peers in a round.
    const isDeparting = ['leaving', 'gone'].includes(this.#options.members.own.state);
    const isInHurry = this.incomplete > 0 || isDeparting;
    for (let turns = isInHurry ? PENDING_COMPARES : 1; turns > 0; turns--)
      this.#comparisons.compareWithNext();
    for (let partition = 0; partition < PARTITIONS; partition++) this.#checkPartition(partition);
    this.#completeness.check();
    this.#watchdog.check(this.#pulls.queue);
  }

  #checkPartition(partition: number): void {
    const replica = this.#options.store.find(partition);
    if (replica === undefined) return;
    this.repairs.check(replica);
    if (!this.#isHolder(partition)) {
      replica.markComplete(false);
      return this.#fallbacks.check(partition);
    }
    if (replica.clock.isEmpty && replica.residues.count === 0) return;
    this.#gaps.check(replica);
    const view = this.#options.partitions.of(partition);
    const clocks = view.evidence.clocksOfOthers();
    const isWorthIt =
      replica.log.length >= this.#limits.logCutEntries || view.isAtRest(replica.commits.count);
    if (clocks !== undefined && replica.log.length > 0 && isWorthIt) void cutLog(replica, clocks);
    raiseFloor(this.#options, replica, clocks);
  }
}

function keepIf(partitions: Set<number>, partition: number, isKept: boolean): void {
  if (isKept) partitions.add(partition);
  else partitions.delete(partition);
}
