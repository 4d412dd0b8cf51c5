/**
 * MessagePack with one encoder that is kept. Decoded byte arrays are views of the decoded input.
 */
import { Decoder, Encoder } from '@msgpack/msgpack';
import { allocate } from './slab.ts';
import { ENCODER_KEEP_BYTES } from './limits.ts';
import { isSaneMsgpack } from './msgpack-shape.ts';

const options = { initialBufferSize: 64 * 1024, maxDepth: 16 };
let encoder = new Encoder(options);
const decoder = new Decoder();
const bigDecoder = new Decoder({ useBigInt64: true });

/** Encodes a value behind `room` bytes, which the caller fills in. The caller owns the result. */
export function packAfter(room: number, value: unknown): Uint8Array<ArrayBuffer> {
  const shared = encoder.encodeSharedRef(value);
  const bytes = allocate(room + shared.length);
  bytes.set(shared, room);
  // The encoder's buffer never shrinks. A new encoder frees the memory after one huge message.
  if (shared.length > ENCODER_KEEP_BYTES) encoder = new Encoder(options);
  return bytes;
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
  return decoder.decode(bytes);
}

/** Decodes one value from a peer or a client. Throws if the bytes are not acceptable msgpack. */
export function unpackForeign(bytes: Uint8Array): unknown {
  if (!isSaneMsgpack(bytes)) throw new Error('not msgpack');
  return decoder.decode(bytes);
}

/**
 * Decodes one value from a peer or a client, with 64-bit integers as bigints. Throws if the bytes
 * are not acceptable msgpack.
 */
export function unpackForeignBig(bytes: Uint8Array): unknown {
  if (!isSaneMsgpack(bytes)) throw new Error('not msgpack');
  return bigDecoder.decode(bytes);
}
