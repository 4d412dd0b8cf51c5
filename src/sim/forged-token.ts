/** Tokens that a client has made up, or changed. */
import { CausalContext } from '../core/causality/causal-context.ts';
import { parseDot } from '../core/causality/dot.ts';
import { decodeToken, encodeToken } from '../core/causality/token.ts';
import type { Dice } from './world.ts';

/** Far more writes than any run makes, so that a made-up dot names none of them. */
const NEVER_GIVEN = 1_000_000;

/** The knowledge of a forger. */
interface Known {
  readonly key: string;
  /** The name of a node. */
  readonly node: string;
  /** The name of a write to the key, if the forger has seen one. */
  readonly dot: string | undefined;
}

/**
 * A token with a dot that no node ever gave, of a real actor or of no life at all. It names no
 * actor that a living node may take later: such a dot stays with its key as long as the node lives.
 */
export function forgedToken({ key, node, dot = '' }: Known, dice: Dice): string {
  const real = parseDot(dot)?.actor;
  const actor = real !== undefined && dice.chance(0.5) ? real : `${node}~${'0'.repeat(10)}`;
  const counter = NEVER_GIVEN + dice.below(NEVER_GIVEN);
  return encodeToken(CausalContext.ofDots([{ actor, counter }]), key);
}

/**
 * A token of an answer with one bit changed, in its signature or in the name of an actor. No node
 * may take it. Undefined if the token is not signed.
 */
export function alteredToken(text: string, key: string, dice: Dice): string | undefined {
  const { context, bytes, signature } = decodeToken(text, key);
  const [actor] = context.actors();
  if (!(signature instanceof Uint8Array) || actor === undefined) return undefined;
  const altered = Buffer.from(bytes);
  const at = dice.chance(0.5)
    ? altered.length - 1 - dice.below(signature.length)
    : altered.indexOf(actor) + dice.below(actor.length);
  altered[at] = (altered[at] as number) ^ (1 << dice.below(8));
  return altered.toString('base64');
}
