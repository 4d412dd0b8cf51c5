/**
 * AES-256-GCM (NIST SP 800-38D) with random nonces of 96 bits. A key may seal 2³² values before two
 * nonces are the same with a chance worth naming.
 */
import { createCipheriv, createDecipheriv, createHmac, createSecretKey } from 'node:crypto';
import type { KeyObject } from 'node:crypto';
import type { Random } from './env.ts';

const CIPHER = 'aes-256-gcm';
const NONCE_BYTES = 12;
const TAG_BYTES = 16;

/** The length of a key. */
export const CIPHER_KEY_BYTES = 32;

/** The bytes by which a sealed text is longer than the plain one. */
export const SEAL_BYTES = NONCE_BYTES + TAG_BYTES;

/** Draws bytes. */
export function drawBytes(random: Random, count: number): Uint8Array {
  const words = new Uint32Array(Math.ceil(count / 4)).map(() => random.uint32());
  return new Uint8Array(words.buffer, 0, count);
}

/** A secret key. Printed in any way, it does not show its bytes. */
export class CipherKey {
  readonly #key: KeyObject;

  constructor(bytes: Uint8Array) {
    this.#key = createSecretKey(bytes);
  }

  /** The key that follows from this one and a salt: HMAC-SHA256 as a key derivation function. */
  derive(salt: Uint8Array): CipherKey {
    return new CipherKey(createHmac('sha256', this.#key).update(salt).digest());
  }

  /**
   * Seals a text after `room` bytes, which the caller fills. `name` is sealed with it, and must be
   * given again.
   */
  seal(plain: Uint8Array, name: Uint8Array, { room = 0, random }: SealOptions): Uint8Array {
    const nonce = drawBytes(random, NONCE_BYTES);
    const cipher = createCipheriv(CIPHER, this.#key, nonce);
    cipher.setAAD(name);
    const sealed = new Uint8Array(room + SEAL_BYTES + plain.length);
    sealed.set(nonce, room);
    sealed.set(cipher.update(plain), room + NONCE_BYTES);
    cipher.final();
    sealed.set(cipher.getAuthTag(), room + NONCE_BYTES + plain.length);
    return sealed;
  }

  /** Opens a sealed text; undefined if it is not one of this key and this name. */
  unseal(sealed: Uint8Array, name: Uint8Array): Uint8Array | undefined {
    const end = sealed.length - TAG_BYTES;
    if (end < NONCE_BYTES) return undefined;
    const nonce = sealed.subarray(0, NONCE_BYTES);
    const cipher = createDecipheriv(CIPHER, this.#key, nonce, { authTagLength: TAG_BYTES });
    cipher.setAAD(name);
    cipher.setAuthTag(sealed.subarray(end));
    const { buffer, byteOffset, length } = cipher.update(sealed.subarray(NONCE_BYTES, end));
    try {
      cipher.final();
      // A `slice` of a `Buffer` is no copy.
      return new Uint8Array(buffer, byteOffset, length);
    } catch {
      return undefined;
    }
  }
}

/** How a text is sealed. */
export interface SealOptions {
  readonly room?: number;
  readonly random: Random;
}
