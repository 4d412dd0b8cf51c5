/** What coordinating a request needs of the node. */
import type { Env } from '../../base/env.ts';
import { MecError } from '../../base/errors.ts';
import type { SyncLimits } from '../limits.ts';
import { partitionOf } from '../../core/placement/partition.ts';
import type { Store } from '../../storage/store.ts';
import type { Partitions } from '../partitions/partition-view.ts';
import type { KeyGrants } from '../holders/key-grants.ts';
import type { Members } from '../membership/members.ts';
import type { Peer, Peers } from '../membership/peers.ts';
import type { Policies } from '../policies.ts';
import type { Scrub } from '../sync/scrub.ts';
import type { Sync } from '../sync/sync.ts';
import type { KeyQueue } from './key-queue.ts';
import type { WallTime } from '../wall-time.ts';
import type { ForwardedWrites } from '../holders/forwarded-writes.ts';

/** The parts of a node that its coordinators share. */
export interface Scope {
  readonly env: Env;
  readonly members: Members;
  readonly peers: Peers;
  readonly policies: Policies;
  readonly time: WallTime;
  readonly store: Store;
  readonly sync: Sync;
  readonly scrub: Scrub;
  /** Writes taken over from other nodes. */
  readonly forwardedWrites: ForwardedWrites;
  /** The keys that this node grants to conditional writes. */
  readonly grants: KeyGrants;
  /** The conditional writes that this node coordinates, by key. */
  readonly keyQueue: KeyQueue;
  readonly partitions: Partitions;
  readonly limits: SyncLimits;
}

/** A key's place: its partition, its owners, and whether this node is one. */
export interface KeyPlace {
  readonly partition: number;
  readonly owners: readonly string[];
  readonly isOwner: boolean;
}

/**
 * Throws `quorum-not-met` if this node does not know its cluster yet. One that has heard of some members only would
 * take them for all owners, and their quorum for that of a key.
 */
export function assertJoined({ members }: Pick<Scope, 'members'>): void {
  if (members.replicas > 0 && members.isInformed) return;
  const names = members.unheard.join(', ');
  const detail =
    names === ''
      ? 'This node has not found its cluster yet.'
      : `This node must hear what became of ${names} first. If they never return, declare them gone.`;
  throw new MecError('quorum-not-met', { have: 0, need: 1, retryAfter: 1, detail });
}

/**
 * Throws `stopping` if this node is gone: it may hand over what it holds, but must take nothing more. The
 * others do not ask a node that is gone before they forget, so what it acknowledged now could be lost.
 */
export function assertNotGone({ members }: Pick<Scope, 'members'>): void {
  if (members.own.state !== 'gone') return;
  throw new MecError('stopping', { detail: 'This node has left its cluster. Nothing was written.' });
}

/** Where a key lives; throws if this node does not know its cluster yet. */
export function placeOf({ members }: Scope, key: string): KeyPlace {
  assertJoined({ members });
  const partition = partitionOf(key);
  const owners = members.owners(partition);
  return { partition, owners, isOwner: owners.includes(members.self) };
}

/** The pending owners of a partition that can be reached: they are sent all writes, and count for none. */
export function pendingOwnersOf({ members, peers }: Scope, { partition }: KeyPlace): Peer[] {
  const pending = members.pending(partition);
  return pending.length === 0 ? [] : peers.reachable(pending, 0);
}

/**
 * Whom to ask for a key, best first: the owners that can be reached, and for each that cannot, a
 * fallback, in the order of preference. Suspects come last, where there are fewer than `wanted`, or
 * fewer than `wantedOwners` owners, without them; both count this node, where it is an owner.
 */
export function peersToAsk(
  { members, peers }: Scope,
  { partition, owners }: KeyPlace,
  { wanted, wantedOwners = 0 }: { wanted: number; wantedOwners?: number },
): Peer[] {
  const reached = peers.reachable(owners, 0);
  const isSelfOwner = owners.includes(members.self);
  const lacking = owners.length - Number(isSelfOwner) - reached.length;
  if (lacking === 0) return reached;
  const fallbacks = peers.reachable(members.fallbacks(partition), 0).slice(0, lacking);
  const found = [...reached, ...fallbacks];
  const own = Number(isSelfOwner);
  if (found.length + own >= wanted && reached.length + own >= wantedOwners) return found;
  return [...found, ...peers.reachable(owners, Infinity).slice(reached.length)];
}
