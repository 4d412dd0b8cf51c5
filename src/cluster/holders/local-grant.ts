/** Grants keys of this node, each with the state of the key in the same turn. */
import { MecError } from '../../base/errors.ts';
import type { Replica } from '../../storage/replica/replica.ts';
import type { Store } from '../../storage/store.ts';
import type { Members } from '../membership/members.ts';
import type { OwnerView } from '../membership/ownership.ts';
import type { KeyGrant, KeyGrantRequest } from './holder.ts';
import type { KeyGrants } from './key-grants.ts';

/** The parts of a node that grant its keys. */
export interface LocalGrantParts {
  readonly members: Pick<Members, 'self' | 'pendingOwners' | 'owns' | 'view'>;
  readonly store: Pick<Store, 'of'>;
  readonly grants: KeyGrants;
}

/**
 * Grants a key of this node. Throws `contended` if another write has it, or if the coordinator
 * knows other owners than this node. Throws `incomplete` if this node is no owner, or may lack
 * acknowledged writes.
 */
export function grantKey(
  parts: LocalGrantParts,
  { partition, key, ballot, view, idempotencyKey }: Omit<KeyGrantRequest, 'have' | 'timeoutMs'>,
): KeyGrant {
  const { members, grants } = parts;
  const ground = groundOf(parts, partition);
  const { replica } = ground;
  // A pending owner may grant a key before it has caught up, because the majority of the owners
  // reports the acknowledged writes.
  const isPending = members.pendingOwners(partition).includes(members.self);
  if (!isPending && !(members.owns(partition) && replica.isComplete))
    throw new MecError('incomplete');
  if (ground.view.name !== view) throw new MecError('contended');
  // A condition must not be decided on the remains of a damaged record.
  const object = replica.readWhole(key);
  const number = grants.grant(ground, key, ballot);
  if (number === undefined) throw new MecError('contended');
  const canRecall = replica.isComplete && idempotencyKey !== undefined;
  const memory = canRecall ? replica.memory.recall(key, idempotencyKey) : undefined;
  // The version of a closed dot goes, so a copy of its write must be written again.
  const remembered = memory !== undefined && replica.hasClosed([memory]) ? undefined : memory;
  return { number, actor: replica.actor, object, remembered };
}

/** The present ground of the grants in a partition of this node. */
export function groundOf(
  { members, store }: LocalGrantParts,
  partition: number,
): { readonly replica: Replica; readonly view: OwnerView } {
  return { replica: store.of(partition), view: members.view(partition) };
}
