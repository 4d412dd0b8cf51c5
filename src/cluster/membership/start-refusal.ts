/** The reasons why a node must not start on the store that it has. */
import { HasLeftError, StartError } from '../../base/errors.ts';
import type { Store } from '../../storage/store.ts';
import { hasKeys, type SecurityMode } from '../config.ts';
import type { Members } from './members.ts';

/** The security that a node must start with. */
interface StartMode {
  readonly mode: SecurityMode;
  /** Whether an operator has taken the security of a node off. */
  readonly isOff: boolean | undefined;
}

/** Returns the error with which a start must end; undefined if the node may start. */
export function startRefusal(
  store: Store,
  { own, n }: Members,
  { mode, isOff }: StartMode,
): StartError | undefined {
  // A line of the configuration was lost, and the mark of the root with it.
  if (!hasKeys(mode) && isOff !== true && store.keptLedger.length > 0)
    return new StartError(
      `security.mode is "${mode}", but the store has the ledger of a secured cluster; ` +
        'take the security off with "mec security off"',
    );
  // A node that was stopped before the others had all its data continues until they have it.
  if (own.state === 'gone' && store.heldReplicas === 0) return new HasLeftError(own.name);
  // Its quorums would not intersect with those of the other nodes.
  const { keptN = n } = store;
  if (keptN === n) return undefined;
  return new StartError(`quorum.n is ${n}, and the cluster has ${keptN}; n cannot be changed`);
}
