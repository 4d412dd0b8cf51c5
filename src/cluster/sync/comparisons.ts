/**
 * Comparisons: this node and a peer tell each other the hashes of the clocks of all partitions that
 * both may hold, in one message. If two hashes differ, each node pulls from the other
 * (`pulls.ts`). If they are equal, the peer has exactly what the replica here has.
 */
import type { Env } from '../../base/env.ts';
import { PARTITIONS } from '../../core/limits.ts';
import type { Store } from '../../storage/store.ts';
import type { CompareReply, CompareRequest, Digest, Reply } from '../../transport/message.ts';
import type { SyncLimits } from '../limits.ts';
import type { Members } from '../membership/members.ts';
import type { Peer, Peers } from '../membership/peers.ts';
import type { Floors } from '../partitions/floors.ts';
import type { Partitions } from '../partitions/partition-view.ts';
import type { Completeness } from './completeness.ts';
import { raiseFloor } from './floor-raising.ts';

/** The parts of a node that comparisons use. */
export interface ComparisonsOptions {
  readonly env: Env;
  readonly members: Members;
  readonly peers: Peers;
  readonly store: Store;
  readonly floors: Floors;
  readonly partitions: Partitions;
  readonly limits: SyncLimits;
  readonly completeness: Completeness;
  /** Has a partition pulled from a peer. */
  readonly enqueue: (partition: number, peer: string) => void;
  /** Is told that this node has all that a peer has of a partition. */
  readonly onEqual: (partition: number, peer: string) => void;
}

/** The difference between this node and a peer. */
export interface Difference {
  /** Partitions whose clocks differed. */
  readonly partitions: number;
  /** The time for which replicas at rest have differed, in ms. */
  readonly behindMs: number;
}

/** Compares the replicas of this node with those of its peers. */
export class Comparisons {
  readonly #options: ComparisonsOptions;
  /** Peers compared with since all were. */
  readonly #comparedPeers = new Set<string>();
  #isStopped = false;
  readonly #differences = new Map<
    string,
    { partitions: number; restSinceMs: number | undefined }
  >();

  constructor(options: ComparisonsOptions) {
    this.#options = options;
  }

  stop(): void {
    this.#isStopped = true;
  }

  /** The peers that differed when they were last compared. */
  differences(): ReadonlyMap<string, Difference> {
    const nowMs = this.#options.env.clock.monotonicMs();
    const { peers } = this.#options;
    const known = [...this.#differences].filter(([peer]) => peers.byId.has(peer));
    return new Map(
      known.map(([peer, { partitions, restSinceMs }]) => [
        peer,
        { partitions, behindMs: restSinceMs === undefined ? 0 : nowMs - restSinceMs },
      ]),
    );
  }

  /** Notes a comparison. Replicas in use always differ, so only those at rest are behind. */
  #noteDifference(peer: string, differing: readonly number[]): void {
    const { env, partitions, store } = this.#options;
    const areAtRest = differing.some((partition) =>
      partitions.of(partition).wasAtRest(store.find(partition)?.commits.count ?? -1),
    );
    const { restSinceMs } = this.#differences.get(peer) ?? {};
    this.#differences.set(peer, {
      partitions: differing.length,
      restSinceMs: areAtRest ? (restSinceMs ?? env.clock.monotonicMs()) : undefined,
    });
  }

  /** Answers a peer's comparison, and catches up with it if it has seen more. */
  serve({ from, digests, floors = [] }: CompareRequest): Reply {
    const isKnown = this.#options.peers.byId.has(from);
    if (isKnown) this.#options.floors.noteKnown(from, floors);
    const differing: number[] = [];
    for (const { partition, hash } of digests) {
      const replica = this.#options.store.of(partition);
      // A node without a replica of the partition cannot compare it.
      if (!this.#options.members.holds(partition) && replica.isBlank) continue;
      if (hash !== replica.clockHash) differing.push(partition);
      else if (isKnown) this.#noteEqual(partition, from);
    }
    if (isKnown) for (const partition of differing) this.#options.enqueue(partition, from);
    return { kind: 'compared', differing, incomplete: [] };
  }

  /** Compares with one reachable peer: with all of them in turn. */
  compareWithNext(): void {
    const { env, peers } = this.#options;
    const reachable = peers.allReachable();
    // Each peer has its turn, in a random order. With a draw among all peers each time, a fallback
    // may wait long for an owner.
    let waiting = reachable.filter(({ id }) => !this.#comparedPeers.has(id));
    if (waiting.length === 0) {
      this.#comparedPeers.clear();
      waiting = reachable;
    }
    const peer = waiting[env.random.uint32() % Math.max(1, waiting.length)];
    if (peer === undefined) return;
    this.#comparedPeers.add(peer.id);
    this.compareWith(peer);
  }

  /** Compares all partitions that this node and the peer may both have. */
  compareWith(peer: Peer): void {
    const { members, store, floors } = this.#options;
    const digests: Digest[] = [];
    for (let partition = 0; partition < PARTITIONS; partition++) {
      const replica = store.find(partition);
      if (replica === undefined) return;
      // A holder compares with any member, a fallback only with holders.
      if (!members.holds(partition) && (replica.isBlank || !members.holds(partition, peer.id)))
        continue;
      digests.push({ partition, hash: replica.clockHash });
    }
    const hashes = new Map(digests.map(({ partition, hash }) => [partition, hash]));
    const { unsent, noteSent } = floors.unsentTo(peer.id, [...hashes.keys()]);
    const compare = { kind: 'compare', from: members.self, digests, floors: unsent } as const;
    peer.data.request(compare, this.#options.limits.timeoutMs, (reply) => {
      if (reply instanceof Error || reply.kind !== 'compared' || this.#isStopped) return;
      noteSent();
      this.#handleReply(peer, reply, hashes);
    });
  }

  #handleReply({ id }: Peer, reply: CompareReply, hashes: ReadonlyMap<number, number>): void {
    const { members, store } = this.#options;
    this.#noteDifference(id, reply.differing);
    const differs = new Set(reply.differing);
    for (const [partition, hash] of hashes) {
      const replica = store.find(partition);
      if (replica === undefined) return;
      if (differs.has(partition)) this.#options.enqueue(partition, id);
      // The clocks were equal, and this one has not changed since: the peer has the same dots.
      else if (hash === replica.clockHash && members.holds(partition, id))
        this.#noteEqual(partition, id);
    }
  }

  #noteEqual(partition: number, peer: string): void {
    const { completeness, partitions, members, store, onEqual } = this.#options;
    const replica = store.of(partition);
    onEqual(partition, peer);
    completeness.noteEqual(partition, peer);
    // A partition without writes has no log, no floor, and nothing to drop.
    if (replica.clock.isEmpty) return;
    const { evidence } = partitions.of(partition);
    evidence.noteClock(peer, { clock: replica.durableClock.clone() });
    if (members.holds(partition)) raiseFloor(this.#options, replica, evidence.clocksOfOthers());
  }
}
