/**
 * Evidence: the conditions under which a replica may forget something. Dropping a replica, closing
 * a gap and becoming complete cannot be undone. Each therefore rests on statements of other
 * members, and all rules are in this file.
 *
 * A statement is evidence only about the life and the replica that made it. If a rule needs the
 * statements of several members to hold at one moment, a question asks twice. If a life or a
 * replica changed between the rounds, the first round proves nothing. For example, node A says that
 * it has nothing, then B copies a write to A, then B loses its disk and says the same. Each
 * statement was true, but closing the gap would lose an acknowledged write.
 */
import type { CausalContext } from './causal-context.ts';
import type { RememberedWrite } from '../quorum/decision.ts';

/** A replica's report of its own state. */
export interface Statement {
  /** The life of its node, which is one start of the process. */
  readonly life: string;
  /** The name of the replica. Another replica in the same life has another history. */
  readonly replica: string;
  /** The actor under which the replica writes or would write. */
  readonly actor: string;
  /** Whether the node owns the partition by its own member list. */
  readonly isOwner: boolean;
  /** Whether the replica may hold every acknowledged write. */
  readonly isComplete: boolean;
  /** Whether the replica can read every key that it has seen. */
  readonly isWhole: boolean;
  /** Every dot that it has durably seen. */
  readonly clock: CausalContext;
  /** Dots of the clock that were closed. No disk holds their writes. */
  readonly lost: CausalContext;
  /**
   * Dots of versions that were salvaged from damage. The replica holds them, but its clock does not
   * include them.
   */
  readonly aside: CausalContext;
  /** Remembered writes with an Idempotency-Key. Only a replica that is being filled gets them. */
  readonly memories?: readonly RememberedWrite[] | undefined;
}

/** The actor of a replica, and every dot that the replica has seen. It has made all of its own. */
export type OwnWrites = Pick<Statement, 'actor' | 'clock'>;

/**
 * The reason why another member cannot have seen what it says, by the writes of a replica.
 * Undefined if there is none. Only the replica of an actor makes dots of it, so it knows all of
 * them. And no dot of an actor is closed as long as other members do not take it for dead.
 */
export function whyFalse(
  said: Pick<Statement, 'clock' | 'lost'>,
  { actor, clock }: OwnWrites,
  mayBeTakenForDead: boolean,
): string | undefined {
  if (said.clock.max(actor) > clock.base(actor))
    return `it names writes of ${actor} that were never made`;
  if (mayBeTakenForDead) return undefined;
  return said.lost.max(actor) > 0 ? `it closes writes of ${actor}, which still writes` : undefined;
}

/** One statement of each member that was asked, by member name. */
export type Round = ReadonlyMap<string, Statement>;

/** Whether the same replicas, in the same lives, answered both times. */
export function areSameReplicas(first: Round, second: Round): boolean {
  if (first.size !== second.size) return false;
  for (const [member, { life, replica }] of first) {
    const again = second.get(member);
    if (again?.life !== life || again.replica !== replica) return false;
  }
  return true;
}

/** The given dots that a replica holds: seen and not closed, or set aside. */
export function heldDots(dots: CausalContext, { clock, lost, aside }: Statement): CausalContext {
  const unseen = dots.minus(clock);
  const held = dots.minus(unseen).minus(lost);
  return aside.isEmpty ? held : held.join(dots.minus(dots.minus(aside)));
}

/** Whether a gap may be closed: no replica that could hold one of the dots does. */
export function areHeldNowhere(dots: CausalContext, round: Round): boolean {
  return [...round.values()].every(
    (statement) => statement.isWhole && heldDots(dots, statement).isEmpty,
  );
}

/**
 * Whether a node that does not own the partition may drop its replica. Every owner must be complete
 * and must have seen all its dots. Versions set aside may go too: the owners know the outcome of
 * those writes.
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

/** Whether the clock includes all that the other replica holds, and its memories were received. */
function hasAllOf(clock: CausalContext, { clock: said, aside, memories }: Statement): boolean {
  return memories !== undefined && clock.covers(said) && clock.covers(aside);
}

/**
 * Whether a replica with this clock cannot have missed an acknowledged write, by the statements of
 * complete owners. It has seen all that `enough` of them have. Any write quorum includes at least
 * one of those.
 */
export function isCompleteByOwners(
  clock: CausalContext,
  enough: number,
  owners: Iterable<Statement>,
): boolean {
  let count = 0;
  for (const said of owners) {
    count += Number(said.isOwner && said.isComplete && said.isWhole && hasAllOf(clock, said));
  }
  return count >= enough;
}

/**
 * Whether a replica with this clock cannot have missed an acknowledged write, by the statements of
 * all members. It has seen all that each of them has, complete or not. This is how owners that have
 * all lost something become complete together.
 */
export function isCompleteByAll(clock: CausalContext, round: Round): boolean {
  return [...round.values()].every((said) => said.isWhole && hasAllOf(clock, said));
}
