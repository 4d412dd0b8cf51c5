/** The reasons why a node must not start on the store that it has. */
import { HasLeftError, StartError } from '../../base/errors.ts';
import type { Store } from '../../storage/store.ts';
import type { Members } from './members.ts';

/** Returns the error with which a start must end; undefined if the node may start. */
export function startRefusal(store: Store, { own, n }: Members): StartError | undefined {
  // A node that was stopped before the others had all its data continues until they have it.
  if (own.state === 'gone' && store.heldReplicas === 0) return new HasLeftError(own.name);
  // Its quorums would not intersect with those of the other nodes.
  const { keptN = n } = store;
  if (keptN === n) return undefined;
  return new StartError(`quorum.n is ${n}, and the cluster has ${keptN}; n cannot be changed`);
}
