/**
 * The signature of a token: the id of a key, and the code of everything before it with the whole
 * name of the token's key. It is the end of the token, so no part of a token is without a code,
 * however the token is read.
 */
import { areSameMacs, MAC_BYTES, macOf } from '../../base/mac.ts';
import type { NamedKey } from './token-keys.ts';

const ID_BYTES = 4;
/** The length of a signature. */
export const SIGNATURE_BYTES = ID_BYTES + MAC_BYTES;

/** Tells these codes from all others that a secret may ever make. */
const FORMAT = 'mec token 1';

/** Whether a token is one of this cluster. */
export type TokenVerdict = 'signed' | 'unsigned' | 'unknown-key' | 'forged';

const codeOf = (secret: Uint8Array, name: string, start: Uint8Array): Uint8Array =>
  macOf(secret, `${FORMAT}\n${name.length}\n${name}`, start);

/** Signs a token of the key `name` by filling its last `SIGNATURE_BYTES` bytes. */
export function sign(token: Uint8Array, name: string, { id, secret }: NamedKey): void {
  const end = token.length - MAC_BYTES;
  new DataView(token.buffer, token.byteOffset).setUint32(end - ID_BYTES, id);
  token.set(codeOf(secret, name, token.subarray(0, end)), end);
}

/**
 * Whether one of the keys has signed a token of the key `name`. `signature` is what the token gives
 * as its signature; undefined if it has none.
 */
export function verdictOn(
  token: Uint8Array,
  name: string,
  { signature, keys }: { readonly signature: unknown; readonly keys: readonly NamedKey[] },
): TokenVerdict {
  if (signature === undefined) return 'unsigned';
  if (!(signature instanceof Uint8Array) || signature.length !== SIGNATURE_BYTES) return 'forged';
  const end = token.length - MAC_BYTES;
  const id = new DataView(token.buffer, token.byteOffset).getUint32(end - ID_BYTES);
  const named = keys.filter((key) => key.id === id);
  if (named.length === 0) return 'unknown-key';
  const code = token.subarray(end);
  const start = token.subarray(0, end);
  const isSigned = named.some(({ secret }) => areSameMacs(codeOf(secret, name, start), code));
  return isSigned ? 'signed' : 'forged';
}
