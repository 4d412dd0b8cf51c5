/** What coordinating a request needs of the node. */
import type { Env } from '../../base/env.ts';
import { LivingActors } from '../../core/actor.ts';
import { partitionOf } from '../../core/partition.ts';
import type { Replicas } from '../../storage/replicas.ts';
import type { Members } from '../members.ts';
import type { Peer, Peers } from '../peers.ts';
import type { Policies } from '../policies.ts';
import type { Sync } from '../sync/sync.ts';
import type { Work } from '../work.ts';

/** The parts of a node that its coordinators share. */
export interface Scope {
  readonly env: Env;
  readonly members: Members;
  readonly peers: Peers;
  readonly policies: Policies;
  readonly replicas: Replicas;
  readonly sync: Sync;
  /** Writes taken over from other nodes. */
  readonly work: Work;
  /** Which actors live, by partition. */
  readonly living: readonly LivingActors[];
}

/** A key's place: its partition, its owners, and whether this node is one. */
export interface Place {
  readonly partition: number;
  readonly owners: readonly string[];
  readonly isOwner: boolean;
}

/** Where a key lives. */
export function placeOf({ members }: Scope, key: string): Place {
  const partition = partitionOf(key);
  const owners = members.owners(partition);
  return { partition, owners, isOwner: owners.includes(members.self.id) };
}

/**
 * Whom to ask for a key, best first: the owners that can be reached, and for each that cannot, a stand-in (guest), in the order of
 * preference. Suspects come last, where there are fewer than `wanted` without them.
 */
export function holdersOf({ members, peers }: Scope, { partition, owners }: Place, wanted: number): Peer[] {
  const reached = peers.reachable(owners, 0);
  const isSelfOwner = owners.includes(members.self.id);
  const lacking = owners.length - Number(isSelfOwner) - reached.length;
  if (lacking === 0) return reached;
  const guests = peers.reachable(members.standIns(partition), 0).slice(0, lacking);
  const found = [...reached, ...guests];
  if (found.length >= wanted) return found;
  return [...found, ...peers.reachable(owners, Infinity).slice(reached.length)];
}
