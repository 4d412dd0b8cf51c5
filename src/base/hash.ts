/**
 * xxHash (Yann Collet) as WebAssembly: fast and evenly distributed, but not safe against an
 * adversary.
 */
import xxhash from 'xxhash-wasm';

const api = await xxhash();

/** The 64-bit xxHash of the UTF-8 bytes of a text. */
export function hashText64(text: string): bigint {
  return api.h64(text);
}

/** The 32-bit xxHash of bytes under a seed, 0 … 2³²−1. */
export function hash32(bytes: Uint8Array, seed = 0): number {
  return api.h32Raw(bytes, seed) >>> 0;
}

/** The 32-bit xxHash of the UTF-8 bytes of a text under a seed, 0 … 2³²−1. */
export function hashText32(text: string, seed = 0): number {
  return api.h32(text, seed) >>> 0;
}

/** The 64-bit xxHash of bytes. */
export function hash64(bytes: Uint8Array): bigint {
  return api.h64Raw(bytes);
}
