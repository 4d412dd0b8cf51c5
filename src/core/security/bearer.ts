/**
 * Bearer tokens: `mec_ID_SECRET`. The id names a record of the ledger, and is no secret. The secret
 * has 256 random bits, so one SHA-256 keeps it: a guess is hopeless, and a slow hash would only let
 * strangers make a node slow.
 */
import type { Random } from '../../base/env.ts';
import { Secret } from '../../base/secret.ts';
import { sha256Of } from '../../base/sha256.ts';

const PATTERN = /^mec_([0-9a-z]{16})_([0-9a-f]{64})$/;

const ID_WORDS = 2;
const SECRET_WORDS = 8;

/** A token, taken apart. */
export interface Bearer {
  readonly id: string;
  /** The SHA-256 of the whole token. */
  readonly hash: string;
}

/** The parts of a token; undefined if the text is none. */
export function parseBearer(text: string): Bearer | undefined {
  const id = PATTERN.exec(text)?.[1];
  return id === undefined ? undefined : { id, hash: sha256Of(text) };
}

/** Draws hexadecimal digits, eight for each word. */
export const drawHex = (random: Random, words: number): string =>
  Array.from({ length: words }, () => random.uint32().toString(16).padStart(8, '0')).join('');

/** Draws a token. Only its user may keep the text. */
export function drawBearer(random: Random): Bearer & { readonly text: Secret } {
  const id = drawHex(random, ID_WORDS);
  const text = `mec_${id}_${drawHex(random, SECRET_WORDS)}`;
  return { id, hash: sha256Of(text), text: new Secret(text) };
}
