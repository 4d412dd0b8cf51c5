/** What a node says of a replica of its own. */
import type { Statement } from '../../core/causality/evidence.ts';
import type { Replica } from '../../storage/replica/replica.ts';
import type { Members } from '../membership/members.ts';

/** The node that speaks. */
export interface Speaker {
  readonly members: Members;
  /** The life of its process. */
  readonly life: string;
}

/**
 * A statement about a replica. `filled` is the member whose replica the statement may help to make
 * complete: only to such a one, and only if this node knows it as a holder, the replica also tells
 * what it remembers. Without that the statement makes nobody complete: this node might still grant
 * keys to writes that count by the owners before.
 */
export function say({ members, life }: Speaker, replica: Replica, filled?: string): Statement {
  const { id, actor, partition, isComplete, isWhole, durableClock: clock, lost, aside } = replica;
  const isTold = filled !== undefined && members.holds(partition, filled);
  const memories = isTold ? replica.memory.all() : undefined;
  return {
    life,
    replica: id,
    actor,
    isOwner: members.owns(partition),
    isComplete,
    isWhole,
    clock,
    lost,
    aside,
    memories,
  };
}
