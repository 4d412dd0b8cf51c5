/** Bytes and text: the few conversions that the tree shares. */

/** Bytes in a kibibyte, and in a mebibyte. */
export const KIB = 1024;
export const MIB = 1024 * KIB;

const encoder = new TextEncoder();
const strictDecoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

const SLAB_BYTES = 64 * 1024;
let slab = new ArrayBuffer(SLAB_BYTES);
let used = 0;

/**
 * Bytes to be filled by the caller, not zeroed. Small ones are cut from a slab: a buffer of one's
 * own costs ten times as much, and again when it is collected. A slab lives as long as anything cut
 * from it, so this is for what is soon let go.
 */
export function allocate(length: number): Uint8Array<ArrayBuffer> {
  if (length > SLAB_BYTES / 16) return new Uint8Array(length);
  if (used + length > SLAB_BYTES) {
    slab = new ArrayBuffer(SLAB_BYTES);
    used = 0;
  }
  const bytes = new Uint8Array(slab, used, length);
  // Aligned, as every buffer of one's own is.
  used += (length + 7) & ~7;
  return bytes;
}

/** The UTF-8 bytes of a text. */
export function utf8ToBytes(text: string): Uint8Array {
  return encoder.encode(text);
}

/** The text of UTF-8 bytes, or undefined where they are not UTF-8. */
export function bytesToUtf8(bytes: Uint8Array): string | undefined {
  try {
    return strictDecoder.decode(bytes);
  } catch {
    return undefined;
  }
}

/** The least text above all that begin with a prefix, in that order; undefined where there is none. */
export function prefixEnd(prefix: string): string | undefined {
  const points = Array.from(prefix, (character) => character.codePointAt(0) as number);
  for (let last = points.pop(); last !== undefined; last = points.pop()) {
    if (last === 0x10_ffff) continue;
    // The code points of surrogates stand for no character.
    return String.fromCodePoint(...points, last === 0xd7ff ? 0xe000 : last + 1);
  }
  return undefined;
}

/** Compares two texts by code point, which is the order of their UTF-8 bytes (and of LevelDB). */
export function compareUtf8(a: string, b: string): number {
  const length = Math.min(a.length, b.length);
  for (let i = 0; i < length; i++) {
    const x = a.charCodeAt(i);
    const y = b.charCodeAt(i);
    if (x === y) continue;
    // Surrogates (code points past U+FFFF) sort after every other unit.
    const xHigh = x >= 0xd800 && x <= 0xdfff;
    const yHigh = y >= 0xd800 && y <= 0xdfff;
    if (xHigh !== yHigh) return xHigh ? 1 : -1;
    return x - y;
  }
  return a.length - b.length;
}
