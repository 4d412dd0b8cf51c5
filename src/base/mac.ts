/**
 * Message authentication codes: HMAC-SHA256 (RFC 2104), cut to 128 bits. Only a holder of the
 * secret can make the code of a message, or find out whether a code is right.
 */
import { createHmac, createSecretKey, type KeyObject, timingSafeEqual } from 'node:crypto';

/** The length of a code, and that of a secret. */
export const MAC_BYTES = 16;
export const SECRET_BYTES = 32;

/** Secrets in the form that Node uses fastest. */
const keys = new WeakMap<Uint8Array, KeyObject>();

function keyOf(secret: Uint8Array): KeyObject {
  const known = keys.get(secret);
  if (known !== undefined) return known;
  const key = createSecretKey(secret);
  keys.set(secret, key);
  return key;
}

/** The code of a message, which is given in parts. */
export function macOf(secret: Uint8Array, ...parts: readonly (string | Uint8Array)[]): Uint8Array {
  const mac = createHmac('sha256', keyOf(secret));
  for (const part of parts) mac.update(part);
  return mac.digest().subarray(0, MAC_BYTES);
}

/** Whether two codes are equal. Its time says nothing about the place of a difference. */
export const areSameMacs = (a: Uint8Array, b: Uint8Array): boolean =>
  a.length === b.length && timingSafeEqual(a, b);
