/**
 * A reader of MessagePack, https://github.com/msgpack/msgpack/blob/master/spec.md. It checks the
 * bytes of peers and clients while it reads them. A separate check before a general decoder takes
 * twice as long. Reading is synchronous, so all calls share one state.
 */
import { textOf } from './texts.ts';

const NO_BYTES = new Uint8Array(0);

let bytes: Uint8Array = NO_BYTES;
let at = 0;
let areLongBig = false;

/** The options of a reader. */
export interface MsgpackOptions {
  /** The deepest nesting of arrays and maps. */
  readonly maxDepth: number;
  /** Whether 64-bit integers are read as bigints. */
  readonly areLongBig?: boolean;
}

/**
 * Reads exactly one value. Byte arrays are views of `input`. Throws if the bytes are anything else,
 * or have an extension type. A container must not announce more items than bytes follow, or a few
 * nested bytes that announce millions would cost gigabytes.
 */
export function readMsgpack(input: Uint8Array, options: MsgpackOptions): unknown {
  bytes = input;
  at = 0;
  areLongBig = options.areLongBig === true;
  try {
    const value = readValue(options.maxDepth);
    if (at !== input.length) throw new Error('more than one msgpack value');
    return value;
  } finally {
    bytes = NO_BYTES;
  }
}

function readValue(depth: number): unknown {
  const type = bytes[skip(1)] as number;
  if (type < 0x80) return type;
  if (type >= 0xe0) return type - 0x100;
  if (type >= 0xc0) return readLong(type, depth);
  if (type >= 0xa0) return readText(type & 31);
  return type >= 0x90 ? readArray(type & 15, depth) : readMap(type & 15, depth);
}

/** Reads a value whose first byte is from 0xc0 to 0xdf. */
function readLong(type: number, depth: number): unknown {
  switch (type) {
    case 0xc0:
      return null;
    case 0xc2:
      return false;
    case 0xc3:
      return true;
    case 0xc4:
    case 0xc5:
    case 0xc6:
      return readBytes(uint(1 << (type - 0xc4)));
    case 0xca:
    case 0xcb:
      return readFloat(type === 0xca ? 4 : 8);
    case 0xcc:
    case 0xcd:
    case 0xce:
      return uint(1 << (type - 0xcc));
    case 0xcf:
      return readUint64();
    case 0xd0:
    case 0xd1:
    case 0xd2:
      return readInt(1 << (type - 0xd0));
    case 0xd3:
      return readInt64();
    case 0xd9:
    case 0xda:
    case 0xdb:
      return readText(uint(1 << (type - 0xd9)));
    case 0xdc:
    case 0xdd:
      return readArray(uint(type === 0xdc ? 2 : 4), depth);
    case 0xde:
    case 0xdf:
      return readMap(uint(type === 0xde ? 2 : 4), depth);
    default:
      throw new Error('not a msgpack type that is read here');
  }
}

/** Moves on by `length` bytes. Returns their offset, and throws if there are fewer. */
function skip(length: number): number {
  const from = at;
  at += length;
  if (at > bytes.length) throw new Error('msgpack cut short');
  return from;
}

/** Reads a big-endian number of 1, 2 or 4 bytes. */
function uint(width: number): number {
  let value = 0;
  const from = skip(width);
  for (let i = from; i < at; i++) value = value * 256 + (bytes[i] as number);
  return value;
}

function readInt(width: number): number {
  const value = uint(width);
  const sign = 2 ** (8 * width - 1);
  return value < sign ? value : value - 2 * sign;
}

function readUint64(): number | bigint {
  const high = uint(4);
  const low = uint(4);
  return areLongBig ? (BigInt(high) << 32n) + BigInt(low) : high * 0x1_0000_0000 + low;
}

function readInt64(): number | bigint {
  const high = readInt(4);
  const low = uint(4);
  return areLongBig ? (BigInt(high) << 32n) + BigInt(low) : high * 0x1_0000_0000 + low;
}

function readFloat(width: 4 | 8): number {
  const view = new DataView(bytes.buffer, bytes.byteOffset + skip(width), width);
  return width === 4 ? view.getFloat32(0) : view.getFloat64(0);
}

function readBytes(length: number): Uint8Array {
  const from = skip(length);
  return bytes.subarray(from, at);
}

function readText(length: number): string {
  const from = skip(length);
  return textOf(bytes, from, at);
}

function assertContainer(items: number, depth: number): void {
  if (items > bytes.length - at) throw new Error('msgpack that announces missing items');
  if (items > 0 && depth === 0) throw new Error('msgpack that is nested too deep');
}

function readArray(length: number, depth: number): unknown[] {
  assertContainer(length, depth);
  const items: unknown[] = [];
  for (let i = 0; i < length; i++) items.push(readValue(depth - 1));
  return items;
}

function readMap(size: number, depth: number): Record<string, unknown> {
  assertContainer(2 * size, depth);
  const map: Record<string, unknown> = {};
  for (let i = 0; i < size; i++) {
    const key = readValue(depth - 1);
    // A value under `__proto__` would become the prototype of the map.
    if (typeof key !== 'string' || key === '__proto__') throw new Error('not a key of a map');
    map[key] = readValue(depth - 1);
  }
  return map;
}
