/**
 * A conditional write at one owner: the grant of the key with what is known of it, and the store
 * that brings its number back.
 */
import { MecError } from '../../base/errors.ts';
import type { MadeWrite } from '../../core/quorum/decision.ts';
import type { FilledObject } from '../../core/causality/object.ts';
import { partitionOf } from '../../core/placement/partition.ts';
import type { Replica } from '../../storage/replica/replica.ts';
import type { GrantRequest } from '../../transport/message.ts';
import type { OwnerView } from '../membership/members.ts';
import type { Scope } from './scope.ts';

/** A key granted, and the key's state in the same turn: what is not durable yet included. */
export interface GrantedHere {
  readonly number: string;
  readonly actor: string;
  readonly object: FilledObject<Uint8Array>;
  /** What came of an earlier write with the same idempotency key. */
  readonly remembered: MadeWrite | undefined;
}

/**
 * Grants a key at this node; undefined if another write has it, or if the coordinator knows other
 * owners than this node does. Throws `incomplete` if this node is no owner, or one that may lack
 * what was acknowledged.
 */
export function grantHere(
  scope: Scope,
  { key, ballot, view, idempotencyKey }: Pick<GrantRequest, 'key' | 'ballot' | 'view' | 'idempotencyKey'>,
): GrantedHere | undefined {
  const { members, grants } = scope;
  const partition = partitionOf(key);
  const ground = groundOf(scope, partition);
  const { replica } = ground;
  // A pending owner has not caught up, and need not have: the majority of the owners is asked besides.
  const isPending = members.pending(partition).includes(members.self);
  if (!isPending && !(members.owns(partition) && replica.isComplete)) throw new MecError('incomplete');
  if (ground.view.name !== view) return undefined;
  // A condition must not be decided on what is left of a damaged record.
  const object = replica.readWhole(key);
  const number = grants.grant(ground, key, ballot);
  if (number === undefined) return undefined;
  const canRecall = replica.isComplete && idempotencyKey !== undefined;
  const remembered = canRecall ? replica.memory.recall(key, idempotencyKey) : undefined;
  return { number, actor: replica.actor, object, remembered };
}

/** What the grants of a partition stand on at this node, now. */
export function groundOf({ members, store }: Scope, partition: number): { replica: Replica; view: OwnerView } {
  return { replica: store.of(partition), view: members.view(partition) };
}
