/** All pictures of the documentation, by their file names. */
import { drawHandOff } from './pictures/hand-off.ts';
import { drawOwners } from './pictures/owners.ts';
import { drawQuorum } from './pictures/quorum.ts';
import { drawSiblings } from './pictures/siblings.ts';
import { drawToken } from './pictures/token.ts';
import type { Canvas } from './svg.ts';

/** The pictures in `docs/pictures`. */
export const PICTURES: Readonly<Record<string, () => Canvas>> = {
  'hand-off.svg': drawHandOff,
  'owners.svg': drawOwners,
  'quorum.svg': drawQuorum,
  'siblings.svg': drawSiblings,
  'token.svg': drawToken,
};
