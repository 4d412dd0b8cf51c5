/**
 * Unpacks Snappy, the packing of LevelDB's blocks (format: google/snappy, format_description.txt).
 */

/** Unpacked bytes per packed byte, at most: three packed bytes make at most 64. */
const MAX_RATIO = 32;

/**
 * Unpacks a stream. A damaged one is unpacked up to the damage. The checksums of its records tell
 * which of them are intact.
 */
export function unpackSnappy(packed: Uint8Array): Uint8Array {
  let at = 0;
  let length = 0;
  for (let shift = 0; shift < 35; shift += 7) {
    const byte = packed[at++] ?? 0;
    length += (byte & 0x7f) * 2 ** shift;
    if (byte < 0x80) break;
  }
  const out = new Uint8Array(Math.min(length, MAX_RATIO * packed.length));
  let end = 0;
  while (at < packed.length && end < out.length) {
    const tag = packed[at++] as number;
    const isLiteral = (tag & 3) === 0;
    const extra = isLiteral ? Math.max(0, (tag >> 2) - 59) : [0, 1, 2, 4][tag & 3]!;
    let number = 0;
    for (let i = 0; i < extra; i++) number += (packed[at++] ?? 0) * 2 ** (8 * i);
    if (isLiteral) {
      const size = (extra === 0 ? tag >> 2 : number) + 1;
      const literal = packed.subarray(at, Math.min(at + size, at + out.length - end));
      out.set(literal, end);
      end += literal.length;
      at += size;
      continue;
    }
    const isShort = (tag & 3) === 1;
    const size = isShort ? 4 + ((tag >> 2) & 7) : (tag >> 2) + 1;
    const offset = isShort ? ((tag >> 5) << 8) | number : number;
    if (offset === 0 || offset > end) break;
    for (let i = 0; i < size && end < out.length; i++, end++)
      out[end] = out[end - offset] as number;
  }
  return out.subarray(0, end);
}
