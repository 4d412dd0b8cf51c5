/** The statements of a node about its replicas. */
import type { Statement } from '../../core/causality/evidence.ts';
import type { Replica } from '../../storage/replica/replica.ts';
import type { Members } from '../membership/members.ts';

/** The node that makes a statement. */
export interface StatementParts {
  readonly members: Members;
  /** The life of its process. */
  readonly life: string;
}

/**
 * Makes a statement about a replica. `filled` is the member whose replica it may help to make
 * complete. The statement includes the memories of the replica only if this node knows that member
 * as a holder, also after a crash.
 *
 * A statement without memories makes no replica complete, because this node may still grant keys to
 * writes that count by the former owners.
 */
export function makeStatement(
  { members, life }: StatementParts,
  replica: Replica,
  filled?: string,
): Statement {
  const {
    id,
    actor,
    partition,
    isComplete,
    isWhole,
    durableClock: clock,
    lost,
    asideDots,
  } = replica;
  const isHolder =
    filled !== undefined && members.arePlacementsKept && members.holds(partition, filled);
  const memories = isHolder ? replica.memory.all() : undefined;
  return {
    life,
    replica: id,
    actor,
    isOwner: members.owns(partition),
    isComplete,
    isWhole,
    clock,
    lost,
    aside: asideDots,
    memories,
  };
}
