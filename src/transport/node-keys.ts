/**
 * The keys with which nodes know each other: CURVE key pairs (Curve25519, libzmq's RFC 26). A key
 * is the text in Z85 (ZeroMQ RFC 32) of its 32 bytes.
 */
import type { Address } from '../base/env.ts';

/** A key pair of a node. The secret key never leaves its node. */
export interface KeyPair {
  readonly publicKey: string;
  readonly secretKey: string;
}

/** The keys of a cluster, as one node knows them. They may change at any time. */
export interface NodeKeys {
  readonly own: KeyPair;
  /** Whether a node with this public key may connect. */
  isAccepted(publicKey: string): boolean;
  /** The public key that the node at an address must have; undefined if that is not known yet. */
  keyAt(address: Address): string | undefined;
}

const Z85 = '0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ.-:+=^!/*?&<>()[]{}@%$#';
const BASE = Z85.length;

/** The text of bytes in Z85. Their number must be a multiple of four. */
export function toZ85(bytes: Uint8Array): string {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  let text = '';
  for (let at = 0; at < bytes.length; at += 4) {
    const word = view.getUint32(at);
    for (let power = BASE ** 4; power >= 1; power /= BASE)
      text += Z85[Math.floor(word / power) % BASE];
  }
  return text;
}
