/**
 * A look at foreign msgpack before it is decoded. A decoder makes room for as many items as a header announces, so a few bytes that
 * announce millions, nested, would cost gigabytes. This walk costs nothing and says whether the bytes can be what they claim.
 */

const MAX_DEPTH = 8;

/** Bytes that follow a type byte before its content: how wide the length, or the number itself, is. */
const LENGTH_BYTES: Readonly<Record<number, number>> = { 0xc4: 1, 0xc5: 2, 0xc6: 4, 0xd9: 1, 0xda: 2, 0xdb: 4 };
const FIXED_BYTES: Readonly<Record<number, number>> = {
  0xca: 4,
  0xcb: 8,
  0xcc: 1,
  0xcd: 2,
  0xce: 4,
  0xcf: 8,
  0xd0: 1,
  0xd1: 2,
  0xd2: 4,
  0xd3: 8,
};

/** Whether the bytes are one whole msgpack value, without extensions, of bounded depth and with no more items than bytes. */
export function isSaneMsgpack(bytes: Uint8Array): boolean {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  const remaining: number[] = [1];
  let at = 0;
  while (remaining.length > 0) {
    const depth = remaining.length - 1;
    if (remaining[depth] === 0) {
      remaining.pop();
      continue;
    }
    remaining[depth] = (remaining[depth] as number) - 1;
    const next = step(view, at);
    if (next === undefined || next.at > bytes.length || next.items > bytes.length - next.at) return false;
    at = next.at;
    if (next.items > 0 && remaining.push(next.items) > MAX_DEPTH) return false;
  }
  return at === bytes.length;
}

/** Where the next value begins, and how many values the one at `at` holds. */
function step(view: DataView, at: number): { at: number; items: number } | undefined {
  if (at >= view.byteLength) return undefined;
  const type = view.getUint8(at);
  const left = view.byteLength - at - 1;
  if (type <= 0x7f || type >= 0xe0 || type === 0xc0 || type === 0xc2 || type === 0xc3) return { at: at + 1, items: 0 };
  if (type <= 0x8f) return { at: at + 1, items: 2 * (type & 15) };
  if (type <= 0x9f) return { at: at + 1, items: type & 15 };
  if (type <= 0xbf) return { at: at + 1 + (type & 31), items: 0 };
  if (type >= 0xdc && type <= 0xdf) {
    const width = type % 2 === 0 ? 2 : 4;
    if (left < width) return undefined;
    return { at: at + 1 + width, items: (type >= 0xde ? 2 : 1) * readLength(view, at + 1, width) };
  }
  const fixed = FIXED_BYTES[type];
  if (fixed !== undefined) return { at: at + 1 + fixed, items: 0 };
  const width = LENGTH_BYTES[type];
  if (width === undefined || left < width) return undefined;
  return { at: at + 1 + width + readLength(view, at + 1, width), items: 0 };
}

function readLength(view: DataView, at: number, width: number): number {
  if (width === 1) return view.getUint8(at);
  return width === 2 ? view.getUint16(at) : view.getUint32(at);
}
