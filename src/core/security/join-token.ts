/**
 * Tokens with which a node joins a secured cluster: `mec1.CA.ID.SECRET`. CA is the SHA-256 of the
 * certificate of the cluster's authority. So a newcomer knows the right cluster before it sends the
 * secret to anybody.
 */
import type { Random } from '../../base/env.ts';
import { Secret } from '../../base/secret.ts';
import { sha256Of } from '../../base/sha256.ts';
import { drawHex } from './bearer.ts';

const PATTERN = /^mec1\.([0-9a-f]{64})\.([0-9a-f]{16})\.[0-9a-f]{64}$/;

const ID_WORDS = 2;
const SECRET_WORDS = 8;

/** A token, taken apart. */
export interface JoinToken {
  /** The SHA-256 of the authority's certificate (DER), in hexadecimal. */
  readonly ca: string;
  readonly id: string;
  /** The SHA-256 of the whole token. */
  readonly hash: string;
}

/** The parts of a token; undefined if the text is none. */
export function parseJoinToken(text: string): JoinToken | undefined {
  const [, ca, id] = PATTERN.exec(text) ?? [];
  return ca === undefined || id === undefined ? undefined : { ca, id, hash: sha256Of(text) };
}

/** Draws a token. Only the newcomer may keep the text. */
export function drawJoinToken(ca: string, random: Random): JoinToken & { readonly text: Secret } {
  const id = drawHex(random, ID_WORDS);
  const text = `mec1.${ca}.${id}.${drawHex(random, SECRET_WORDS)}`;
  return { ca, id, hash: sha256Of(text), text: new Secret(text) };
}
