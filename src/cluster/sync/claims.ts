/**
 * Claims: the words of a peer about the writes of other nodes. A node has made each write of its
 * present actor, and knows all of them. So it can tell a clock that names writes which never were.
 * Such a clock would take later writes of that node for seen, and remove their values. It can also
 * tell that its present actor is not dead, so none of its dots is closed.
 *
 * The writes of earlier lives have no such witness, and neither have those of a node that is away.
 * A node that is only slow must speak before its writes are closed, because closing cannot be
 * undone. New writes are believed meanwhile.
 */
import type { Clock } from '../../base/env.ts';
import { lifeOfActor, nodeOfActor } from '../../core/causality/actor.ts';
import type { CausalContext } from '../../core/causality/causal-context.ts';
import type { Statement } from '../../core/causality/evidence.ts';
import type { Replica } from '../../storage/replica/replica.ts';
import { CLAIM_WAIT_MS } from '../limits.ts';
import type { Members } from '../membership/members.ts';
import type { Peers } from '../membership/peers.ts';
import { FalseClockError, PeerError } from './pull.ts';
import type { Questions } from './questions.ts';

/** The parts of a node that the check of claims uses. */
export interface ClaimCheckOptions {
  readonly env: { readonly clock: Clock };
  readonly members: Pick<Members, 'self' | 'lifeOf'>;
  readonly peers: Pick<Peers, 'reach'>;
  readonly questions: Pick<Questions, 'ask'>;
}

/**
 * Asks the nodes whose writes a peer names or closes, if that is new to this replica. Resolves with
 * the reason why it cannot be true, or undefined. Rejects with `PeerError` if a node must answer
 * first.
 */
export type ClaimCheck = (said: Pick<Statement, 'clock' | 'lost'>) => Promise<string | undefined>;

/** A peer that has said something of a replica. */
export interface Claimant {
  readonly replica: Replica;
  readonly peer: { readonly id: string };
}

/** Returns a function that checks what a peer says of a replica. */
export function createClaimCheck(
  { env, members, peers, questions }: ClaimCheckOptions,
  { replica, peer }: Claimant,
): ClaimCheck {
  return async ({ clock, lost }) => {
    const { partition } = replica;
    const makers = new Set<string>();
    for (const actor of clock.minus(replica.clock).join(lost.minus(replica.lost)).actors()) {
      const node = nodeOfActor(actor);
      const isPresent = members.lifeOf(node) === lifeOfActor(actor);
      if (isPresent && node !== peer.id && node !== members.self) makers.add(node);
    }
    if (makers.size === 0) return undefined;
    const answers = await Promise.race([
      questions.ask([partition], [...makers]),
      new Promise<undefined>((resolve) => env.clock.after(CLAIM_WAIT_MS, () => resolve(undefined))),
    ]);
    const answered = answers?.rounds.get(partition) ?? new Map<string, Statement>();
    for (const [node, { actor, clock: made }] of answered) {
      if (clock.max(actor) > made.base(actor))
        return `it names writes of ${actor} that ${node} has never made`;
      if (lost.max(actor) > 0)
        return `it closes writes of ${actor}, with which ${node} still writes`;
    }
    for (const actor of lost.minus(replica.lost).actors()) {
      const node = nodeOfActor(actor);
      if (makers.has(node) && !answered.has(node) && peers.reach(node) !== 'unreachable')
        throw new PeerError(`${node} has not confirmed that it no longer writes as ${actor}`);
    }
    return undefined;
  };
}

/** Closes the dots that a peer has closed. Rejects with `FalseClockError` if it cannot be true. */
export async function closeToo(
  options: ClaimCheckOptions,
  { replica, peer }: Claimant,
  lost: CausalContext,
): Promise<void> {
  const reason = await createClaimCheck(options, { replica, peer })({ clock: replica.clock, lost });
  if (reason !== undefined) throw new FalseClockError(reason);
  await replica.closedDots.close(lost);
}
