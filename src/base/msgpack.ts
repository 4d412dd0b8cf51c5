/** MessagePack. Decoded byte arrays are views of the decoded input. */
import { MAX_FOREIGN_DEPTH, MAX_WRITE_DEPTH } from './limits.ts';
import { readMsgpack } from './msgpack-reader.ts';
import { MsgpackWriter } from './msgpack-writer.ts';

const OWN = { maxDepth: MAX_WRITE_DEPTH };
const FOREIGN = { maxDepth: MAX_FOREIGN_DEPTH };
const FOREIGN_BIG = { maxDepth: MAX_FOREIGN_DEPTH, areLongBig: true };

/** Encodes a value behind `room` bytes, which the caller fills in. The caller owns the result. */
export function packAfter(room: number, value: unknown): Uint8Array<ArrayBuffer> {
  const writer = new MsgpackWriter();
  writer.value(value);
  return writer.toBytes(room);
}

/** Encodes a value. The caller owns the result. */
export function pack(value: unknown): Uint8Array<ArrayBuffer> {
  return packAfter(0, value);
}

/**
 * Decodes one value that this software encoded. Throws if the bytes are not msgpack. Byte arrays in
 * the result are views of `bytes`.
 */
export function unpack(bytes: Uint8Array): unknown {
  return readMsgpack(bytes, OWN);
}

/** Decodes one value from a peer or a client. Throws if the bytes are not acceptable msgpack. */
export function unpackForeign(bytes: Uint8Array): unknown {
  return readMsgpack(bytes, FOREIGN);
}

/**
 * Decodes one value from a peer or a client, with 64-bit integers as bigints. Throws if the bytes
 * are not acceptable msgpack.
 */
export function unpackForeignBig(bytes: Uint8Array): unknown {
  return readMsgpack(bytes, FOREIGN_BIG);
}
