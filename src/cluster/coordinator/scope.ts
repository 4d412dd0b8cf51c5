/** What coordinating a request needs of the node. */
import type { Env } from '../../base/env.ts';
import { LivingActors } from '../../core/actor.ts';
import { partitionOf } from '../../core/partition.ts';
import type { Replicas } from '../../storage/replicas.ts';
import type { Members } from '../members.ts';
import type { Peers } from '../peers.ts';

/** The parts of a node that its coordinators share. */
export interface Scope {
  readonly env: Env;
  readonly members: Members;
  readonly peers: Peers;
  readonly replicas: Replicas;
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
