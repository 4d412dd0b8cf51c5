/** Selects the holders of a key, best first: its owners, pending owners, and fallbacks. */
import type { Reach } from '../../core/placement/detector.ts';
import { partitionOf } from '../../core/placement/partition.ts';
import type { Members } from '../membership/members.ts';
import type { Role } from '../../core/quorum/owner-quorum.ts';
import type { OwnerView } from '../membership/ownership.ts';
import type { Peer, Peers } from '../membership/peers.ts';
import type { Holder } from './holder.ts';
import type { LocalHolder } from './local.ts';
import { RemoteCoordinator, type RemoteCoordinatorParts } from './remote-coordinator.ts';
import { RemoteHolder, type RemoteParts } from './remote.ts';

/** A key's place: its partition, its owners, and whether this node is one. */
export interface KeyPlace {
  readonly partition: number;
  readonly owners: readonly string[];
  /** The owners and the next owners: the very same object while they do not change. */
  readonly view: OwnerView;
  readonly isOwner: boolean;
}

/** The number of holders that a request needs. The coordinator counts too if it is an owner. */
export interface Wanted {
  readonly wanted: number;
  /** The number of owners among them. */
  readonly wantedOwners?: number;
}

/** The parts of a node that the choice of holders needs. */
export interface HoldersParts
  extends Omit<RemoteParts, 'peers'>, Omit<RemoteCoordinatorParts, 'peers'> {
  readonly members: Members;
  readonly peers: Peers;
  readonly own: LocalHolder;
}

/** The members of the cluster as holders, by key, partition or name. */
export class Holders {
  readonly #parts: HoldersParts;

  constructor(parts: HoldersParts) {
    this.#parts = parts;
  }

  /** This node. */
  get own(): LocalHolder {
    return this.#parts.own;
  }

  /** A member by name; undefined if it is not known. */
  of(id: string): Holder | undefined {
    const { members, peers, own } = this.#parts;
    if (id === members.self) return own;
    const peer = peers.byId.get(id);
    return peer && new RemoteHolder(this.#parts, peer);
  }

  /** Whether a node is in the list of members, gone ones included. */
  isMember(id: string): boolean {
    return this.#parts.members.get(id) !== undefined;
  }

  isGone(id: string): boolean {
    return this.#parts.members.get(id)?.state === 'gone';
  }

  /** Throws `not-ready` if this node does not know the owners yet. */
  assertReady(): void {
    this.#parts.members.assertReady();
  }

  /** The place of a key. Throws `not-ready` if this node does not know the owners yet. */
  placeOf(key: string): KeyPlace {
    this.assertReady();
    const { members } = this.#parts;
    const partition = partitionOf(key);
    const owners = members.owners(partition);
    const view = members.view(partition);
    return { partition, owners, view, isOwner: owners.includes(members.self) };
  }

  /** The owners and the next owners of a partition. */
  viewOf(partition: number): OwnerView {
    return this.#parts.members.view(partition);
  }

  /**
   * Those of the given members that can be reached, this node first. Suspects are included only if
   * there are fewer than `wanted` without them.
   */
  reachableNames(ids: readonly string[], wanted: number): string[] {
    const { members, peers } = this.#parts;
    const others = peers.reachable(ids, wanted).map(({ id }) => id);
    return ids.includes(members.self) ? [members.self, ...others] : others;
  }

  /** The given members that can be reached, and suspects if those are fewer than `wanted`. */
  reachable(ids: readonly string[], wanted: number): Holder[] {
    return this.#parts.peers
      .reachable(ids, wanted)
      .map((peer) => new RemoteHolder(this.#parts, peer));
  }

  /** The other members that a coordinator must ask for a key, best first. */
  others(place: KeyPlace, wanted: Wanted): Holder[] {
    return peersToAsk(this.#parts, place, wanted).map(
      (peer) => new RemoteHolder(this.#parts, peer),
    );
  }

  /** The pending owners of a key that can be reached. */
  pendingOf({ partition }: KeyPlace): Holder[] {
    const pending = this.#parts.members.pendingOwners(partition);
    return pending.length === 0 ? [] : this.reachable(pending, 0);
  }

  /**
   * Whether an answer counts for a read. The answer of an owner counts if its replica is complete,
   * and the answer of a fallback always. A pending owner does not count even as a fallback, since
   * it may have lost what it held before.
   */
  counts({ partition, owners }: KeyPlace, { id }: Holder, isComplete: boolean): boolean {
    return owners.includes(id) ? isComplete : !this.#parts.members.holds(partition, id);
  }

  /** The members that hold a partition or would hold it, by their role. */
  rolesOf({ partition, owners }: KeyPlace): readonly (readonly [Role, readonly string[]])[] {
    const { members } = this.#parts;
    return [
      ['owner', owners],
      ['pending owner', members.pendingOwners(partition)],
      // Each owner may need one fallback.
      ['fallback', members.fallbacks(partition).slice(0, owners.length)],
    ];
  }

  /** Whether a member cannot be asked, so that a fallback may act for it. */
  readonly isAway = (id: string): boolean => {
    const reach = this.reachOf(id);
    return reach !== 'reachable' && reach !== 'itself';
  };

  /** Whether a member answers probes. */
  reachOf(id: string): Reach | 'itself' {
    const { members, peers } = this.#parts;
    return id === members.self ? 'itself' : peers.reach(id);
  }

  /** The owners that can coordinate a write, best first. */
  coordinators({ owners }: KeyPlace): RemoteCoordinator[] {
    return this.#parts.peers
      .reachable(owners, 1)
      .map((peer) => new RemoteCoordinator(this.#parts, peer));
  }

  /** One member as a coordinator; undefined if it cannot be reached. */
  coordinatorAt(id: string): RemoteCoordinator | undefined {
    const { peers } = this.#parts;
    const peer = peers.reach(id) === 'reachable' ? peers.byId.get(id) : undefined;
    return peer && new RemoteCoordinator(this.#parts, peer);
  }

  /** The time to wait for an answer before another holder is asked as well, in ms. */
  get hedgeMs(): number {
    return this.#parts.peers.hedgeMs;
  }
}

/**
 * The peers to ask for a key, best first: the owners that can be reached, and one fallback for each
 * owner that cannot. If these are too few holders or owners, suspect owners follow.
 */
function peersToAsk(
  { members, peers }: Pick<HoldersParts, 'members' | 'peers'>,
  { partition, owners, isOwner }: KeyPlace,
  { wanted, wantedOwners = 0 }: Wanted,
): Peer[] {
  const reached = peers.reachable(owners, 0);
  const own = Number(isOwner);
  const lacking = owners.length - own - reached.length;
  if (lacking === 0) return reached;
  const fallbacks = peers.reachable(members.fallbacks(partition), 0).slice(0, lacking);
  const found = [...reached, ...fallbacks];
  if (found.length + own >= wanted && reached.length + own >= wantedOwners) return found;
  return [...found, ...peers.reachable(owners, Infinity).slice(reached.length)];
}
