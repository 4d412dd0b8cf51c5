/**
 * A check of msgpack from a peer or a client before it is decoded. A decoder allocates as many
 * items as a header announces, so a few nested bytes that announce millions would cost gigabytes.
 * This check allocates nothing.
 */

const MAX_DEPTH = 8;

/**
 * Values still to read, by depth. The buffer is shared by all calls, which is safe because the
 * check is synchronous.
 */
const remaining = new Uint32Array(MAX_DEPTH + 1);

/**
 * Whether the bytes are exactly one acceptable msgpack value: no extension type, at most
 * `MAX_DEPTH` deep. No container may announce more items than bytes follow.
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
      if (type >= 0xdc && type <= 0xdf)
        items = (type >= 0xde ? 2 : 1) * lengthBefore(bytes, at, width);
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

/** Bytes of the number or length after each type 0xc0 … 0xdf; −1 if the type is not allowed. */
// prettier-ignore
const WIDTHS: readonly number[] = [
  0, -1, 0, 0, 1, 2, 4, -1, -1, -1, 4, 8, 1, 2, 4, 8,
  1, 2, 4, 8, -1, -1, -1, -1, -1, 1, 2, 4, 2, 4, 2, 4,
];

/** Which of the types 0xc0 … 0xdf are strings or byte arrays, which begin with their length. */
const HAS_LENGTH: readonly boolean[] = Array.from(
  WIDTHS,
  (_, i) => (i >= 4 && i <= 6) || (i >= 25 && i <= 27),
);

/** The big-endian number in the `width` bytes before `end`. */
function lengthBefore(bytes: Uint8Array, end: number, width: number): number {
  let value = 0;
  for (let i = end - width; i < end; i++) value = value * 256 + (bytes[i] as number);
  return value;
}
