/**
 * A look at foreign msgpack before it is decoded. A decoder makes room for as many items as a
 * header announces, so a few bytes that announce millions, nested, would cost gigabytes. This walk
 * costs nothing and says whether the bytes can be what they claim.
 */

const MAX_DEPTH = 8;

/** How many values are still to come, by depth; kept between calls, for none of them waits for anything. */
const remaining = new Uint32Array(MAX_DEPTH + 1);

/**
 * Whether the bytes are one whole msgpack value, without extensions, of bounded depth and with no
 * more items than bytes.
 */
export function isSaneMsgpack(bytes: Uint8Array): boolean {
  const { length } = bytes;
  let depth = 0;
  let at = 0;
  remaining[0] = 1;
  while (depth >= 0) {
    if (remaining[depth] === 0) {
      depth -= 1;
      continue;
    }
    (remaining[depth] as number)--;
    if (at >= length) return false;
    const type = bytes[at] as number;
    at += 1;
    let items = 0;
    if (type <= 0x7f || type >= 0xe0) continue;
    else if (type <= 0x8f) items = 2 * (type & 15);
    else if (type <= 0x9f) items = type & 15;
    else if (type <= 0xbf) at += type & 31;
    else {
      const width = WIDTHS[type - 0xc0] as number;
      if (width < 0 || at + width > length) return false;
      at += width;
      if (type >= 0xdc && type <= 0xdf) items = (type >= 0xde ? 2 : 1) * lengthBefore(bytes, at, width);
      else if (HAS_LENGTH[type - 0xc0] === true) at += lengthBefore(bytes, at, width);
    }
    if (at > length || items > length - at) return false;
    if (items > 0) {
      depth += 1;
      if (depth >= MAX_DEPTH) return false;
      remaining[depth] = items;
    }
  }
  return at === length;
}

/** How many bytes follow the types 0xc0 … 0xdf: of a number, or of a length; −1 where the type is not allowed. */
// prettier-ignore
const WIDTHS: readonly number[] = [
  0, -1, 0, 0, 1, 2, 4, -1, -1, -1, 4, 8, 1, 2, 4, 8,
  1, 2, 4, 8, -1, -1, -1, -1, -1, 1, 2, 4, 2, 4, 2, 4,
];

/** Of those types, which are of bytes or of a text, whose length comes first. */
const HAS_LENGTH: readonly boolean[] = Array.from(WIDTHS, (_, i) => (i >= 4 && i <= 6) || (i >= 25 && i <= 27));

/** The big-endian number of `width` bytes that ends before `end`. */
function lengthBefore(bytes: Uint8Array, end: number, width: number): number {
  let value = 0;
  for (let i = end - width; i < end; i++) value = value * 256 + (bytes[i] as number);
  return value;
}
