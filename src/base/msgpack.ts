/** MessagePack, as the tree uses it: one kept encoder, and decoded bytes that are views on what was decoded. */
import { Decoder, Encoder } from '@msgpack/msgpack';
import { allocate } from './bytes.ts';
import { ENCODER_KEEP_BYTES } from './limits.ts';
import { isSaneMsgpack } from './msgpack-shape.ts';

const options = { initialBufferSize: 64 * 1024, maxDepth: 16 };
let encoder = new Encoder(options);
const decoder = new Decoder();
const bigDecoder = new Decoder({ useBigInt64: true });

/** Encodes a value after `room` bytes that the caller fills in; the result is the caller's own. */
export function packAfter(room: number, value: unknown): Uint8Array<ArrayBuffer> {
  const shared = encoder.encodeSharedRef(value);
  const bytes = allocate(room + shared.length);
  bytes.set(shared, room);
  // The encoder's buffer never shrinks by itself; one huge frame must not hold memory for ever.
  if (shared.length > ENCODER_KEEP_BYTES) encoder = new Encoder(options);
  return bytes;
}

/** Encodes a value. */
export function pack(value: unknown): Uint8Array<ArrayBuffer> {
  return packAfter(0, value);
}

/** Decodes one value of our own making; throws on anything else. Byte arrays inside are views on `bytes`. */
export function unpack(bytes: Uint8Array): unknown {
  return decoder.decode(bytes);
}

/** Decodes one value that a stranger made. */
export function unpackForeign(bytes: Uint8Array): unknown {
  if (!isSaneMsgpack(bytes)) throw new Error('not msgpack');
  return decoder.decode(bytes);
}

/** Decodes one value that a stranger made; 64-bit integers become bigints. Throws on anything else. */
export function unpackForeignBig(bytes: Uint8Array): unknown {
  if (!isSaneMsgpack(bytes)) throw new Error('not msgpack');
  return bigDecoder.decode(bytes);
}
