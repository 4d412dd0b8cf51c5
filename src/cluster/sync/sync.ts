/**
 * Sync: every replica catches up with the others, all the time. This one mechanism is anti-entropy, hinted hand-off,
 * bootstrap and recovery.
 *
 * A round compares this node with one peer: the hashes of all their clocks in one message. Where they differ, each pulls what it
 * lacks from the other (`pull.ts`). Rounds come on a jittered timer, at once with a peer that has come back, and soon after a write
 * that a peer has not acknowledged. What rounds and pulls tell of the others' clocks decides when log entries may be cut and when
 * a replica that placement does not want here (a guest) may go.
 */
import { jittered } from '../../base/delays.ts';
import type { Env, Timer } from '../../base/env.ts';
import { MecError, messageOf } from '../../base/errors.ts';
import { JOINING_COMPARES, PARTITIONS, type SyncLimits } from '../../base/limits.ts';
import type { LivingActors } from '../../core/actor.ts';
import { type Quorum, leastWriteQuorum } from '../../core/quorum.ts';
import type { Replica } from '../../storage/replica.ts';
import type { Replicas } from '../../storage/replicas.ts';
import type { Compare, Compared, Digest, Pull, Reply } from '../../transport/message.ts';
import type { SyncStatus } from '../status.ts';
import type { Members } from '../members.ts';
import type { Peer, Peers } from '../peers.ts';
import { Ledger } from './ledger.ts';
import { Pace } from './pace.ts';
import { pull } from './pull.ts';
import { servePull } from './serve.ts';
import { Tidy } from './tidy.ts';

/** What sync works on. */
export interface SyncOptions {
  readonly env: Env;
  readonly members: Members;
  readonly peers: Peers;
  readonly replicas: Replicas;
  /** Which actors live, by partition. */
  readonly living: readonly LivingActors[];
  /** How many disks a write asks for before it is acknowledged, by the configuration and its policies. */
  readonly writeQuorums: readonly Quorum[];
  /** Ends the numbers of this node's key grants in a partition, once for each replica of a member that is filled. */
  readonly fence: (partition: number, member: string, replica: string) => void;
  readonly limits: SyncLimits;
}

interface Job {
  readonly partition: number;
  readonly peer: Peer;
}

/** How a replica was when it was last looked at. */
interface Sight {
  changes: number;
  changedMs: number;
}

/** Keeps the replicas of one node in step with those of the others. */
export class Sync {
  readonly #options: SyncOptions;
  readonly #limits: SyncLimits;
  readonly #ledger = new Ledger();
  readonly #jobs = new Map<string, Job>();
  readonly #nudges = new Map<string, Timer>();
  readonly #sights = new Map<number, Sight>();
  readonly #tidy: Tidy;
  /** Peers compared with since all were. */
  readonly #hadTurn = new Set<string>();
  /** When a partition was last pulled from a peer. */
  readonly #pulledMs = new Map<string, number>();
  readonly #pace: Pace;
  /** The placement that was looked at last. */
  #placed = -2;
  #running = 0;
  #timer: Timer | undefined;
  #isStopped = false;
  #pulls = 0;
  #failures = 0;

  constructor(options: SyncOptions) {
    this.#options = options;
    this.#limits = options.limits;
    this.#tidy = new Tidy({
      ...options,
      ledger: this.#ledger,
      isAtRest: (partition) => this.#isAtRest(partition),
      enqueue: (partition, peer) => this.#enqueue(partition, peer),
    });
    this.#pace = new Pace(options.env.clock, options.limits.joiningBytesPerSecond);
  }

  start(): void {
    this.#options.members.onChange(() => this.#placementChanged());
    this.#placementChanged();
    this.#later();
  }

  /** What is to be held here may have changed: what is, has to catch up; what is not any more does not count for complete. */
  #placementChanged(): void {
    const { placedHash } = this.#options.members;
    if (this.#isStopped || this.#placed === placedHash) return;
    this.#placed = placedHash;
    // What a member has said as the holder of other partitions says nothing of these.
    this.#ledger.forgetReports();
    for (let partition = 0; partition < PARTITIONS; partition++) {
      if (this.#isHolder(partition)) this.#noticeComplete(partition);
      else this.#fellBehind(partition);
    }
    if (this.#options.members.ownPending.length === 0) return this.#pace.rest();
    const { peers } = this.#options;
    for (const peer of peers.allReachable().slice(0, JOINING_COMPARES)) this.#compareWith(peer);
  }

  /** What has come in for partitions that this node does not own yet. */
  joining(): ReturnType<Pace['status']> {
    return this.#pace.status();
  }

  #fellBehind(partition: number): void {
    const replica = this.#options.replicas.find(partition);
    if (replica?.isComplete !== true) return;
    replica.markComplete(false);
    this.#ledger.fellBehind(replica);
  }

  stop(): void {
    this.#isStopped = true;
    this.#timer?.cancel();
    for (const timer of this.#nudges.values()) timer.cancel();
    this.#jobs.clear();
  }

  /** Partitions that are to be held here and have not caught up yet. */
  get incomplete(): number {
    return this.#count((partition, { isComplete }) => !isComplete && this.#isHolder(partition));
  }

  #count(isCounted: (partition: number, replica: Replica) => boolean): number {
    let count = 0;
    for (let partition = 0; partition < PARTITIONS; partition++) {
      const replica = this.#options.replicas.find(partition);
      if (replica !== undefined) count += Number(isCounted(partition, replica));
    }
    return count;
  }

  /** For `/status`. */
  status(): SyncStatus {
    return {
      incomplete: this.incomplete,
      guests: this.#count((partition, { clock }) => !this.#isHolder(partition) && !clock.isEmpty),
      waiting: this.#jobs.size,
      running: this.#running,
      pulls: this.#pulls,
      failures: this.#failures,
      dropped: this.#tidy.dropped,
    };
  }

  /** A peer can be reached (again). */
  peerIsBack(peer: Peer): void {
    // While it could not, what was caught up with before may have fallen behind again.
    for (let partition = 0; partition < PARTITIONS; partition++) {
      const replica = this.#options.replicas.find(partition);
      if (replica?.isComplete === false) this.#ledger.fellBehind(replica);
    }
    this.#compareWith(peer);
  }

  /** A peer has not acknowledged a write; when that may have been chance, it is told where to look. */
  peerHasMissed(peer: Peer): void {
    if (this.#isStopped || this.#nudges.has(peer.id)) return;
    const timer = this.#options.env.clock.after(this.#limits.nudgeMs, () => {
      this.#nudges.delete(peer.id);
      if (this.#options.peers.reach(peer.id) === 'reachable') this.#compareWith(peer);
    });
    this.#nudges.set(peer.id, timer);
  }

  /** Answers a peer's comparison, and catches up with it where it has seen more. */
  serveCompare({ from: sender, digests, incomplete }: Compare): Reply {
    const from = this.#options.peers.byId.get(sender);
    const differing: number[] = [];
    const ownIncomplete: number[] = [];
    const guests: number[] = [];
    for (const { partition, hash } of digests) {
      const replica = this.#options.replicas.of(partition);
      if (!this.#isHolder(partition)) {
        // Who neither owns a partition nor holds any of it has no say in it.
        if (replica.clock.isEmpty) continue;
        guests.push(partition);
      }
      if (!replica.isComplete) ownIncomplete.push(partition);
      if (hash !== replica.clockHash) differing.push(partition);
      else if (from !== undefined) this.#areEqual(partition, from, !incomplete.includes(partition));
    }
    if (from !== undefined) for (const partition of differing) this.#enqueue(partition, from);
    return { kind: 'compared', differing, incomplete: ownIncomplete, guests };
  }

  /** Answers a peer's pull; what it says of itself is noted. */
  async servePull(request: Pull): Promise<Reply> {
    const { from, partition, actor, clock, isComplete } = request;
    this.#options.living[partition]?.heard(actor);
    this.#ledger.report(partition, from, { clock, isComplete });
    // Before its first byte, and before any statement that helps to make it complete: a store that was decided
    // before that replica was emptied must not count here once it was filled.
    if (!isComplete) this.#options.fence(partition, from, actor);
    return servePull(this.#options.replicas.of(partition), request, this.#limits);
  }

  #isHolder(partition: number): boolean {
    return this.#options.members.holds(partition);
  }

  #otherOwners(partition: number): string[] {
    const { members } = this.#options;
    return members.owners(partition).filter((name) => name !== members.self);
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
    // Who lacks something is in more of a hurry.
    for (let turns = this.incomplete > 0 ? JOINING_COMPARES : 1; turns > 0; turns--) this.#compareWithNext();
    for (let partition = 0; partition < PARTITIONS; partition++) {
      if (!this.#isHolder(partition)) this.#fellBehind(partition);
      this.#tidy.look(partition);
    }
  }

  #compareWithNext(): void {
    const { env, peers } = this.#options;
    const reachable = peers.allReachable();
    // All in turn, in an order that is drawn anew each time: left to chance alone, a stand-in may wait long for an owner.
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
    const { members, replicas } = this.#options;
    const digests: Digest[] = [];
    const incomplete: number[] = [];
    for (let partition = 0; partition < PARTITIONS; partition++) {
      const replica = replicas.find(partition);
      if (replica === undefined) return;
      // Between a holder and anybody; a guest talks to holders only.
      if (!this.#isHolder(partition) && (replica.clock.isEmpty || !members.holds(partition, peer.id))) continue;
      if (!replica.isComplete) incomplete.push(partition);
      digests.push({ partition, hash: replica.clockHash });
    }
    const hashes = new Map(digests.map(({ partition, hash }) => [partition, hash]));
    peer.data.request({ kind: 'compare', from: members.self, digests, incomplete }, this.#limits.timeoutMs, (reply) => {
      if (reply instanceof Error || reply.kind !== 'compared' || this.#isStopped) return;
      this.#compared(peer, reply, hashes);
    });
  }

  #compared(peer: Peer, reply: Compared, hashes: ReadonlyMap<number, number>): void {
    const { members, replicas } = this.#options;
    const { incomplete } = reply;
    const differs = new Set(reply.differing);
    const guests = new Set(reply.guests);
    for (const [partition, hash] of hashes) {
      const replica = replicas.find(partition);
      if (replica === undefined) return;
      this.#ledger.holdsAsGuest(partition, peer.id, guests.has(partition));
      if (differs.has(partition)) this.#enqueue(partition, peer);
      // Equal then, and not changed since: the peer has just what this replica has.
      else if (hash === replica.clockHash && members.holds(partition, peer.id)) {
        this.#areEqual(partition, peer, !incomplete.includes(partition));
      }
    }
  }

  #areEqual(partition: number, peer: Peer, isComplete: boolean): void {
    const replica = this.#options.replicas.of(partition);
    this.#ledger.report(partition, peer.id, { clock: replica.durableClock.clone(), isComplete });
    this.#ledger.caughtUp(replica, peer.id, isComplete);
    this.#noticeComplete(partition);
  }

  #enqueue(partition: number, peer: Peer): void {
    // A guest has nothing to catch up with: it waits to be caught up with.
    if (this.#isStopped || !this.#isHolder(partition)) return;
    const name = `${partition} ${peer.id}`;
    const nowMs = this.#options.env.clock.monotonicMs();
    if (!this.#isAtRest(partition) && nowMs - (this.#pulledMs.get(name) ?? -Infinity) < this.#limits.busyMs) return;
    this.#pulledMs.set(name, nowMs);
    this.#jobs.set(name, { partition, peer });
    this.#work();
  }

  /** Whether the replica was not changed lately; to differ from others only then means something. */
  #isAtRest(partition: number): boolean {
    const nowMs = this.#options.env.clock.monotonicMs();
    const changes = this.#options.replicas.find(partition)?.changes ?? 0;
    const sight = this.#sights.get(partition);
    if (sight?.changes !== changes) this.#sights.set(partition, { changes, changedMs: nowMs });
    else return nowMs - sight.changedMs >= this.#limits.restMs;
    return false;
  }

  #work(): void {
    for (const [name, job] of this.#jobs) {
      if (this.#running >= this.#limits.concurrency) return;
      this.#jobs.delete(name);
      this.#running += 1;
      void this.#pull(job).finally(() => {
        this.#running -= 1;
        this.#work();
      });
    }
  }

  async #pull({ partition, peer }: Job): Promise<void> {
    const { members, replicas, env } = this.#options;
    try {
      this.#pulls += 1;
      const replica = replicas.of(partition);
      const isJoining = !members.owns(partition);
      const pace = isJoining ? (bytes: number): Promise<void> => this.#pace.take(bytes) : undefined;
      const { actor, clock, isComplete, isDone } = await pull(
        { replica, peer, limits: this.#limits, pace },
        members.self,
      );
      this.#options.living[partition]?.heard(actor);
      this.#ledger.report(partition, peer.id, { clock, isComplete });
      if (!isDone) {
        this.#pulledMs.delete(`${partition} ${peer.id}`);
        return this.#enqueue(partition, peer);
      }
      this.#ledger.caughtUp(replica, peer.id, isComplete);
      this.#noticeComplete(partition);
    } catch (error) {
      // The next round tries again.
      this.#failures += 1;
      if (error instanceof MecError && error.code === 'damaged') replicas.damaged(error);
      env.log.debug('catching up failed', { partition, peer: peer.id, reason: messageOf(error) });
    }
  }

  #noticeComplete(partition: number): void {
    const { members, replicas, writeQuorums } = this.#options;
    const replica = replicas.find(partition);
    // Without owners there is no cluster yet, and who does not know all of them cannot have asked enough of them.
    if (replica === undefined || replica.isComplete || members.replicas === 0 || !members.isInformed) return;
    // With so many complete owners, one of any W is among them: of those that there are, and of those that there were when this node
    // was one of them, before it lost its disk and had to join again.
    let enough = 1;
    const most = Math.min(members.n, members.in('up', 'leaving', 'joining').length);
    for (let n = members.replicas; n <= most; n++) enough = Math.max(enough, n - leastWriteQuorum(writeQuorums, n) + 1);
    if (this.#ledger.hasCaughtUp(replica, this.#otherOwners(partition), enough)) replica.markComplete(true);
  }
}
