/**
 * Claims: the writes of other nodes that a clock names. A node has made each write of its present
 * actor, and knows all of them. So it can tell a clock that names writes which never were. Such a
 * clock would take later writes of that node for seen, and remove their values.
 *
 * The writes of earlier lives have no such witness, and neither have those of a node that is away
 * or slow.
 */
import type { Clock } from '../../base/env.ts';
import { lifeOfActor, nodeOfActor } from '../../core/causality/actor.ts';
import { CLAIM_WAIT_MS } from '../limits.ts';
import type { Members } from '../membership/members.ts';
import type { PullContext } from './pull.ts';
import type { Questions } from './questions.ts';
import type { ClaimCheck } from './snapshot.ts';

/** The parts of a node that the check of claims uses. */
export interface ClaimCheckOptions {
  readonly env: { readonly clock: Clock };
  readonly members: Pick<Members, 'self' | 'lifeOf'>;
  readonly questions: Pick<Questions, 'ask'>;
}

/** Returns a function that asks the nodes whose new writes the clock of a peer names. */
export function createClaimCheck(
  { env, members, questions }: ClaimCheckOptions,
  { replica, peer }: Pick<PullContext, 'replica' | 'peer'>,
): ClaimCheck {
  return async ({ clock }) => {
    const { partition } = replica;
    const makers = new Set<string>();
    for (const actor of clock.minus(replica.clock).actors()) {
      const node = nodeOfActor(actor);
      const isPresent = members.lifeOf(node) === lifeOfActor(actor);
      if (isPresent && node !== peer.id && node !== members.self) makers.add(node);
    }
    if (makers.size === 0) return undefined;
    const answers = await Promise.race([
      questions.ask([partition], [...makers]),
      new Promise<undefined>((resolve) => env.clock.after(CLAIM_WAIT_MS, () => resolve(undefined))),
    ]);
    for (const [node, { actor, clock: made }] of answers?.rounds.get(partition) ?? [])
      if (clock.max(actor) > made.base(actor))
        return `it names writes of ${actor} that ${node} has never made`;
    return undefined;
  };
}
