/**
 * Sync: every replica catches up with the others, all the time. This one mechanism is anti-entropy, hinted
 * hand-off, bootstrap and recovery.
 *
 * A round compares this node with one peer: the hashes of all their clocks in one message. Where they
 * differ, each pulls what it lacks from the other (`pull.ts`). Rounds come on a jittered timer, at once
 * with a peer that has come back, and soon after a write that a peer has not acknowledged.
 *
 * What others say of their replicas is kept as evidence (`evidence.ts`). It decides which log entries are cut
 * (`retention.ts`), which replicas count (`completeness.ts`), and what may go (`fallbacks.ts`, `gaps.ts`).
 */
import { jittered } from '../../base/delays.ts';
import type { Env, Timer } from '../../base/env.ts';
import { MecError, messageOf } from '../../base/errors.ts';
import { PARTITIONS } from '../../core/limits.ts';
import { PENDING_COMPARES, type SyncLimits } from '../limits.ts';
import type { Statement } from '../../core/causality/evidence.ts';
import type { Quorum } from '../../core/quorum/quorum.ts';
import type { Replica } from '../../storage/replica/replica.ts';
import type { Store } from '../../storage/store.ts';
import type {
  CompareReply,
  CompareRequest,
  Digest,
  PullRequest,
  Reply,
  SnapshotRequest,
  StateRequest,
} from '../../transport/message.ts';
import type { SyncStatus } from '../status.ts';
import type { Fences } from '../partitions/fences.ts';
import type { Floors } from '../partitions/floors.ts';
import type { Partitions } from '../partitions/partition-view.ts';
import type { Members } from '../membership/members.ts';
import type { Peer, Peers } from '../membership/peers.ts';
import { Completeness } from './completeness.ts';
import { Conversations } from './conversations.ts';
import { Evidence } from './evidence.ts';
import { Fallbacks } from './fallbacks.ts';
import { Gaps } from './gaps.ts';
import { Throttle } from './throttle.ts';
import { PullQueue, type PullJob } from './pull-queue.ts';
import { type Pair, pull } from './pull.ts';
import { Questions } from './questions.ts';
import { Repairs } from './repairs.ts';
import { Rest } from './rest.ts';
import { cutLog } from './retention.ts';
import { say } from './say.ts';
import { servePull } from './serve.ts';
import { raiseFloor } from './floor-raising.ts';
import { takeSnapshot } from './snapshot.ts';
import { Watchdog } from './watchdog.ts';
import { witnessOf } from './witness.ts';

/** What sync works on. */
export interface SyncOptions {
  readonly env: Env;
  readonly members: Members;
  readonly peers: Peers;
  readonly store: Store;
  readonly floors: Floors;
  readonly partitions: Partitions;
  /** The life of this process. */
  readonly life: string;
  /** How many disks a write asks for before it is acknowledged, by the configuration and its policies. */
  readonly writeQuorums: readonly Quorum[];
  /** Those made for the replicas that are filled from here. */
  readonly fences: Fences;
  readonly limits: SyncLimits;
}

/** Keeps the replicas of one node in step with those of the others. */
export class Sync {
  readonly #options: SyncOptions;
  readonly #limits: SyncLimits;
  readonly #evidence: Evidence;
  readonly #questions: Questions;
  readonly #completeness: Completeness;
  readonly #fallbacks: Fallbacks;
  readonly #gaps: Gaps;
  /** Mends what damage has left. */
  readonly repairs: Repairs;
  readonly #conversations: Conversations;
  readonly #queue: PullQueue;
  readonly #rest: Rest;
  readonly #throttle: Throttle;
  readonly #watchdog: Watchdog;
  readonly #resyncTimers = new Map<string, Timer>();
  /** Peers compared with since all were. */
  readonly #hadTurn = new Set<string>();
  /** When a partition was last pulled from a peer. */
  readonly #pulledMs = new Map<string, number>();
  /** The placement that was looked at last. */
  #placed = -2;
  #timer: Timer | undefined;
  #isStopped = false;
  #pulls = 0;
  #failures = 0;

  constructor(options: SyncOptions) {
    const { env, members, store, partitions, limits } = options;
    this.#options = options;
    this.#limits = limits;
    const evidence = new Evidence({ members, partitions, store });
    const questions = new Questions({ ...options, evidence });
    const enqueue = (partition: number, peer: string): void => this.#enqueue(partition, peer);
    this.#evidence = evidence;
    this.#questions = questions;
    this.#completeness = new Completeness({ ...options, evidence, questions, enqueue });
    this.#fallbacks = new Fallbacks({ env, members, store, evidence, questions });
    this.#gaps = new Gaps({ env, members, store, partitions, questions, limits });
    this.repairs = new Repairs({ ...options, questions });
    this.#conversations = new Conversations({ env, limits, say: (replica) => say(options, replica) });
    this.#rest = new Rest(env.clock, limits);
    this.#watchdog = new Watchdog(env, limits);
    this.#throttle = new Throttle(env.clock, limits.pendingBytesPerSecond);
    const run = (job: PullJob): Promise<void> => this.#pull(job);
    this.#queue = new PullQueue({ clock: env.clock, concurrency: limits.concurrency, run });
  }

  start(): void {
    this.#options.members.onChange(() => this.#placementChanged());
    this.#placementChanged();
    this.#completeness.start();
    this.#later();
  }

  /** What this node holds may have changed: a new holder has to catch up, a former one does not count. */
  #placementChanged(): void {
    const { members, peers, store } = this.#options;
    if (this.#isStopped || this.#placed === members.placedHash) return;
    this.#placed = members.placedHash;
    this.#evidence.forget();
    for (let partition = 0; partition < PARTITIONS; partition++) {
      if (!this.#isHolder(partition)) store.find(partition)?.markComplete(false);
    }
    this.#completeness.look();
    if (members.ownPending.length === 0) return this.#throttle.rest();
    for (const peer of peers.allReachable().slice(0, PENDING_COMPARES)) this.#compareWith(peer);
  }

  /** What has come in for partitions that this node does not own yet. */
  intake(): ReturnType<Throttle['status']> {
    return this.#throttle.status();
  }

  stop(): void {
    this.#isStopped = true;
    this.#timer?.cancel();
    this.#completeness.stop();
    this.#conversations.end();
    for (const timer of this.#resyncTimers.values()) timer.cancel();
    this.#queue.clear();
  }

  /** Partitions that this node holds and that do not count yet. */
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

  /** For `/status`. */
  status(): SyncStatus {
    return {
      incomplete: this.incomplete,
      fallbacks: this.#count((partition, { isBlank }) => !this.#isHolder(partition) && !isBlank),
      waiting: this.#queue.waiting,
      running: this.#queue.running,
      oldest: this.#queue.oldest,
      pulls: this.#pulls,
      failures: this.#failures,
      dropped: this.#fallbacks.dropped,
    };
  }

  /** A peer can be reached (again). */
  peerIsBack(peer: Peer): void {
    this.#compareWith(peer);
    this.#completeness.look();
  }

  /** A peer has not acknowledged a write; if that was no chance, the two compare soon. */
  peerHasMissed(peer: Peer): void {
    const { env, peers } = this.#options;
    if (this.#isStopped || this.#resyncTimers.has(peer.id)) return;
    const timer = env.clock.after(this.#limits.resyncMs, () => {
      this.#resyncTimers.delete(peer.id);
      const [present] = peers.reachable([peer.id], 0);
      if (present !== undefined) this.#compareWith(present);
    });
    this.#resyncTimers.set(peer.id, timer);
  }

  #clocksOfOthers(partition: number): ReturnType<Evidence['clocks']> {
    return this.#evidence.clocks(partition, this.#options.members.otherHolders(partition));
  }

  /** Answers a peer's comparison, and catches up with it if it has seen more. */
  serveCompare({ from, digests, floors = [] }: CompareRequest): Reply {
    const isKnown = this.#options.peers.byId.has(from);
    if (isKnown) this.#options.floors.heard(from, floors);
    const differing: number[] = [];
    for (const { partition, hash } of digests) {
      const replica = this.#options.store.of(partition);
      // A node that neither owns a partition nor holds any of it has no say in it.
      if (!this.#isHolder(partition) && replica.isBlank) continue;
      if (hash !== replica.clockHash) differing.push(partition);
      else if (isKnown) this.#areEqual(partition, from);
    }
    if (isKnown) for (const partition of differing) this.#enqueue(partition, from);
    return { kind: 'compared', differing, incomplete: [] };
  }

  /** Answers a peer's pull; what it says of itself is noted. */
  async servePull({ from, partition, statement }: PullRequest): Promise<Reply> {
    const replica = this.#options.store.of(partition);
    this.#evidence.noteClock(partition, from, statement);
    // Before its first byte, and before any statement that helps to make it complete.
    const filled = this.#options.fences.fill(partition, from, statement);
    return servePull(replica, { asked: statement, said: say(this.#options, replica, filled) }, this.#limits);
  }

  /** Answers a peer that takes a snapshot. */
  serveSnapshot(request: SnapshotRequest): Promise<Reply> {
    return this.#conversations.serve(this.#options.store.of(request.partition), request);
  }

  /** Answers a question: what do the replicas here say of themselves? */
  serveState({ from, life, partitions, filling }: StateRequest): Reply {
    const { members, life: own, store, fences } = this.#options;
    const said = partitions.map((partition, i) => {
      const replica = filling[i] ?? '';
      const filled = replica === '' ? undefined : fences.fill(partition, from, { isComplete: false, life, replica });
      return { partition, ...say(this.#options, store.of(partition), filled) };
    });
    return { kind: 'stated', life: own, members: members.hash, replicas: said };
  }

  #isHolder(partition: number): boolean {
    return this.#options.members.holds(partition);
  }

  #later(): void {
    const { env } = this.#options;
    this.#timer = env.clock.after(jittered(env.random, this.#limits.intervalMs), () => {
      if (this.#isStopped) return;
      this.#round();
      this.#later();
    });
  }

  #round(): void {
    // A node that lacks something, or ends when others have what it holds, is in more of a hurry.
    const isInHurry = this.incomplete > 0 || this.#options.members.own.state === 'gone';
    for (let turns = isInHurry ? PENDING_COMPARES : 1; turns > 0; turns--) this.#compareWithNext();
    for (let partition = 0; partition < PARTITIONS; partition++) this.#look(partition);
    this.#completeness.look();
    this.#watchdog.look(this.#queue);
  }

  #look(partition: number): void {
    const replica = this.#options.store.find(partition);
    if (replica === undefined) return;
    this.repairs.look(replica);
    if (!this.#isHolder(partition)) {
      replica.markComplete(false);
      return this.#fallbacks.look(partition);
    }
    if (replica.clock.isEmpty && replica.residues.count === 0) return;
    this.#gaps.look(replica);
    const clocks = this.#clocksOfOthers(partition);
    const isWorthIt = replica.log.length >= this.#limits.logCutEntries || this.#rest.isAtRest(replica);
    if (clocks !== undefined && replica.log.length > 0 && isWorthIt) void cutLog(replica, clocks);
    raiseFloor(this.#options, replica, clocks);
  }

  #compareWithNext(): void {
    const { env, peers } = this.#options;
    const reachable = peers.allReachable();
    // All in turn, in an order that is drawn each time: left to chance alone, a fallback may wait long for an owner.
    let waiting = reachable.filter(({ id }) => !this.#hadTurn.has(id));
    if (waiting.length === 0) {
      this.#hadTurn.clear();
      waiting = reachable;
    }
    const peer = waiting[env.random.uint32() % Math.max(1, waiting.length)];
    if (peer === undefined) return;
    this.#hadTurn.add(peer.id);
    this.#compareWith(peer);
  }

  /** Compares all that this node and the peer may both hold. */
  #compareWith(peer: Peer): void {
    const { members, store, floors } = this.#options;
    const digests: Digest[] = [];
    for (let partition = 0; partition < PARTITIONS; partition++) {
      const replica = store.find(partition);
      if (replica === undefined) return;
      // Between a holder and any member; a fallback talks to holders only.
      if (!this.#isHolder(partition) && (replica.isBlank || !members.holds(partition, peer.id))) continue;
      digests.push({ partition, hash: replica.clockHash });
    }
    const hashes = new Map(digests.map(({ partition, hash }) => [partition, hash]));
    const { untold, told } = floors.telling(peer.id, [...hashes.keys()]);
    const compare = { kind: 'compare', from: members.self, digests, floors: untold } as const;
    peer.data.request(compare, this.#limits.timeoutMs, (reply) => {
      if (reply instanceof Error || reply.kind !== 'compared' || this.#isStopped) return;
      told();
      this.#compared(peer, reply, hashes);
    });
  }

  #compared({ id }: Peer, reply: CompareReply, hashes: ReadonlyMap<number, number>): void {
    const { members, store } = this.#options;
    const differs = new Set(reply.differing);
    for (const [partition, hash] of hashes) {
      const replica = store.find(partition);
      if (replica === undefined) return;
      if (differs.has(partition)) this.#enqueue(partition, id);
      // Equal then, and not changed since: the peer has just what this replica has.
      else if (hash === replica.clockHash && members.holds(partition, id)) this.#areEqual(partition, id);
    }
  }

  #areEqual(partition: number, peer: string): void {
    const replica = this.#options.store.of(partition);
    this.#completeness.compared(partition, peer);
    // Of a partition that was never written to, there is nothing to cut or to drop, and no floor.
    if (replica.clock.isEmpty) return;
    this.#evidence.noteClock(partition, peer, { clock: replica.durableClock.clone() });
    if (this.#isHolder(partition)) raiseFloor(this.#options, replica, this.#clocksOfOthers(partition));
  }

  #enqueue(partition: number, peer: string): void {
    const replica = this.#options.store.find(partition);
    // A fallback has nothing to catch up with: it waits to be caught up with.
    if (this.#isStopped || replica === undefined || !this.#isHolder(partition)) return;
    const name = `${partition} ${peer}`;
    const nowMs = this.#options.env.clock.monotonicMs();
    const isBusy = replica.isComplete && !this.#rest.isAtRest(replica);
    if (isBusy && nowMs - (this.#pulledMs.get(name) ?? -Infinity) < this.#limits.busyMs) return;
    this.#pulledMs.set(name, nowMs);
    this.#queue.add(partition, peer);
  }

  async #pull({ partition, peer: id }: PullJob): Promise<void> {
    const { members, peers, store, env, floors } = this.#options;
    try {
      const [peer] = peers.reachable([id], 0);
      // The next round with it tries again.
      if (peer === undefined || this.#isStopped) return;
      this.#pulls += 1;
      const replica = store.of(partition);
      const isPending = !members.owns(partition);
      const throttle = isPending ? (bytes: number): Promise<void> => this.#throttle.take(bytes) : undefined;
      const sayOwn = (own: Replica): Statement => say(this.#options, own);
      const pair: Pair = { self: members.self, replica, peer, limits: this.#limits, floors, say: sayOwn, throttle };
      const pulled = await pull(pair);
      this.#evidence.note(replica, id, pulled.statement);
      const isDone = pulled.rest === 'none' || (pulled.rest === 'all' && (await this.#takeSnapshot(pair)));
      if (!isDone) return this.#again(partition, id);
      this.#completeness.compared(partition, id);
      this.#completeness.notice(partition);
    } catch (error) {
      this.#failures += 1;
      if (error instanceof MecError && error.code === 'damaged') store.damaged(error);
      env.log.debug('catching up failed', { partition, peer: id, reason: messageOf(error) });
    }
  }

  /** Takes a snapshot; what was written since it was opened is pulled after it. */
  async #takeSnapshot(pair: Pair): Promise<boolean> {
    const witness = witnessOf({ ...this.#options, questions: this.#questions }, pair);
    if ((await takeSnapshot(pair, witness)) === undefined) return false;
    const { statement, rest } = await pull(pair);
    this.#evidence.note(pair.replica, pair.peer.id, statement);
    return rest === 'none';
  }

  #again(partition: number, peer: string): void {
    this.#pulledMs.delete(`${partition} ${peer}`);
    // The job has not ended yet: its place in the queue is free in the next turn.
    this.#options.env.clock.defer(() => this.#enqueue(partition, peer));
  }
}
