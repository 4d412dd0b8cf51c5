/** Tokens that a client has made up. */
import { CausalContext } from '../core/causality/causal-context.ts';
import { parseDot } from '../core/causality/dot.ts';
import { encodeToken } from '../core/causality/token.ts';
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
