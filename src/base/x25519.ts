/**
 * Key pairs on Curve25519 (RFC 7748), with which nodes prove their names. Both keys are 32 bytes in
 * hexadecimal.
 */
import { createPrivateKey, createPublicKey, generateKeyPairSync } from 'node:crypto';
import { Secret } from './secret.ts';

/** A key pair of a node. The secret key never leaves its node. */
export interface KeyPair {
  readonly publicKey: string;
  readonly secretKey: Secret;
}

/** The bytes before a secret key in its standard form (RFC 8410). */
const PKCS8_HEAD = '302e020100300506032b656e04220420';

const toHex = (base64url: string | undefined): string =>
  Buffer.from(base64url ?? '', 'base64url').toString('hex');

/** Draws a secret key. */
export function drawSecretKey(): Secret {
  const { privateKey } = generateKeyPairSync('x25519');
  return new Secret(toHex(privateKey.export({ format: 'jwk' }).d));
}

/** The key pair of a secret key; undefined if it is none. */
export function keyPairOf(secretKey: Secret): KeyPair | undefined {
  const hex = secretKey.reveal();
  if (!/^[0-9a-f]{64}$/.test(hex)) return undefined;
  const key = Buffer.from(PKCS8_HEAD + hex, 'hex');
  const privateKey = createPrivateKey({ key, format: 'der', type: 'pkcs8' });
  return { publicKey: toHex(createPublicKey(privateKey).export({ format: 'jwk' }).x), secretKey };
}
