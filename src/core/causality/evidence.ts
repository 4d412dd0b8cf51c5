/**
 * Evidence: on whose word a replica may forget something. Dropping a replica, closing a gap, counting as
 * complete: none of it can be undone, so each rests on statements of others, and each rule is here.
 *
 * A statement is evidence only of the life and of the replica that made it. A question therefore asks
 * every member anew, and asks twice: a life or a replica that changed between the two rounds may have
 * taken with it what the first round relied on. "I have nothing" from a node, a copy to that node
 * from a second one, and the loss of the second one's disk are three true statements, after which an
 * acknowledged write would be gone.
 */
import type { CausalContext } from './causal-context.ts';
import type { RememberedWrite } from '../quorum/decision.ts';

/** What one replica of a partition says of itself. */
export interface Statement {
  /** The life of its node: one start of the process. */
  readonly life: string;
  /** Which replica speaks: another one under the same life has another history. */
  readonly replica: string;
  /** The actor under which it writes, or would write. */
  readonly actor: string;
  /** Whether the node owns the partition, by its own member list. */
  readonly isOwner: boolean;
  /** Whether the replica may hold everything that was ever acknowledged. */
  readonly isComplete: boolean;
  /** Whether the replica can read every key that it has seen. */
  readonly isWhole: boolean;
  /** Every dot that it has seen, durably. */
  readonly clock: CausalContext;
  /** The dots in the clock that were closed: no disk holds them. */
  readonly lost: CausalContext;
  /** Dots of versions that it salvaged from damage: it holds them, and its clock has them not. */
  readonly aside: CausalContext;
  /** What it remembers of writes with an Idempotency-Key; told only to a replica that is filled. */
  readonly memories?: readonly RememberedWrite[] | undefined;
}

/** One answer of every member that was asked, by member. */
export type Round = ReadonlyMap<string, Statement>;

/** Whether the same replicas, in the same lives, have answered both times. */
export function areSameReplicas(first: Round, second: Round): boolean {
  if (first.size !== second.size) return false;
  for (const [member, { life, replica }] of first) {
    const again = second.get(member);
    if (again?.life !== life || again.replica !== replica) return false;
  }
  return true;
}

/** What a replica holds of these dots: what it has seen and was not closed, and what it has set aside. */
export function heldOf(dots: CausalContext, { clock, lost, aside }: Statement): CausalContext {
  const unseen = dots.minus(clock);
  const held = dots.minus(unseen).minus(lost);
  return aside.isEmpty ? held : held.join(dots.minus(dots.minus(aside)));
}

/** Whether a gap may be closed: no replica that could hold any of the dots does. */
export function areHeldNowhere(dots: CausalContext, round: Round): boolean {
  return [...round.values()].every((statement) => statement.isWhole && heldOf(dots, statement).isEmpty);
}

/**
 * Whether a replica that placement does not want may go: every owner is complete and has seen all of it. What it
 * has set aside may go with it: it does not catch up, but the owners know what became of those dots.
 */
export function mayDrop(
  own: Pick<Statement, 'clock' | 'lost' | 'aside'>,
  owners: readonly string[],
  round: Round,
): boolean {
  const held = own.clock.minus(own.lost).join(own.aside);
  const hasAll = (owner: string): boolean => {
    const said = round.get(owner);
    return said?.isOwner === true && said.isComplete && said.isWhole && said.clock.covers(held);
  };
  return owners.length > 0 && owners.every(hasAll);
}

/** Whether a replica with this clock has all that another one holds, and was told what that one remembers. */
function hasAllOf(clock: CausalContext, { clock: said, aside, memories }: Statement): boolean {
  return memories !== undefined && clock.covers(said) && clock.covers(aside);
}

/**
 * Whether a replica with this clock cannot have missed an acknowledged write, by the words of complete
 * owners: it has seen what `enough` of them have, so what at least one of any write quorum has.
 */
export function isCompleteByOwners(clock: CausalContext, enough: number, owners: Iterable<Statement>): boolean {
  let count = 0;
  for (const said of owners) {
    count += Number(said.isOwner && said.isComplete && said.isWhole && hasAllOf(clock, said));
  }
  return count >= enough;
}

/**
 * The same by the words of all: every member has answered, and this clock has seen what each of them has,
 * complete or not. So owners that have all lost something become complete together.
 */
export function isCompleteByAll(clock: CausalContext, round: Round): boolean {
  return [...round.values()].every((said) => said.isWhole && hasAllOf(clock, said));
}
