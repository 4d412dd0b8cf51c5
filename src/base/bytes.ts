/** Bytes and text: the few conversions that all rooms share. */

/** Bytes in a kibibyte and in a mebibyte. */
export const KIB = 1024;
export const MIB = 1024 * KIB;

const encoder = new TextEncoder();
const strictDecoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

/** The UTF-8 bytes of a text. */
export function utf8ToBytes(text: string): Uint8Array {
  return encoder.encode(text);
}

/** Decodes UTF-8. Returns undefined if the bytes are not valid UTF-8. */
export function bytesToUtf8(bytes: Uint8Array): string | undefined {
  try {
    return strictDecoder.decode(bytes);
  } catch {
    return undefined;
  }
}

/**
 * The smallest text that sorts after every text with this prefix, in the order of `compareUtf8`.
 * Returns undefined if no text does: the prefix is empty or consists of U+10FFFF alone.
 */
export function prefixEnd(prefix: string): string | undefined {
  const points = Array.from(prefix, (character) => character.codePointAt(0) as number);
  for (let last = points.pop(); last !== undefined; last = points.pop()) {
    if (last === 0x10_ffff) continue;
    // Skips the surrogates U+D800 … U+DFFF, which stand for no character.
    return String.fromCodePoint(...points, last === 0xd7ff ? 0xe000 : last + 1);
  }
  return undefined;
}

/**
 * Compares two texts by code point, which is the order of their UTF-8 bytes and of LevelDB's keys.
 * Returns a number with the sign of the order.
 */
export function compareUtf8(a: string, b: string): number {
  const length = Math.min(a.length, b.length);
  for (let i = 0; i < length; i++) {
    const x = a.codePointAt(i) as number;
    const y = b.codePointAt(i) as number;
    if (x !== y) return x - y;
  }
  return a.length - b.length;
}
