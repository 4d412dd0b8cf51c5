/**
 * Messages on the wire: a message is a msgpack array `[code, field, …]`, with the fields of the
 * table in `message.ts`.
 *
 * A context travels whole, or on a floor that the receiver knows. If the receiver does not know the
 * floor, it cannot read the message, and answers `unknown-floor`. It never counts such a context as
 * seen.
 */
import { pack, unpackForeign } from '../base/msgpack.ts';
import {
  type Fields,
  type FindFloor,
  itemsOf,
  type Recipient,
  UnknownFloorError,
} from './field.ts';
import { MAX_LATER_FIELDS } from './limits.ts';
import type { Message, Request } from './message.ts';
import { REPLIES } from './replies.ts';
import { REQUESTS } from './requests.ts';
import { type Check, RecordCodec, trimmed } from './record.ts';

interface Shape {
  readonly code: number;
  readonly codec: RecordCodec<Fields>;
}

const SHAPES_BY_KIND = new Map<string, Shape>();
const SHAPES_BY_CODE = new Map<unknown, Shape>();
for (const [kind, { code, fields, check }] of Object.entries({ ...REQUESTS, ...REPLIES })) {
  const codec = new RecordCodec<Fields>(fields, check as Check<Fields> | undefined, () => ({
    kind,
  }));
  const shape = { code, codec };
  SHAPES_BY_KIND.set(kind, shape);
  SHAPES_BY_CODE.set(code, shape);
}

/** A packed message. It is packed once for all peers that it goes to. */
export type PackedMessage = Uint8Array;

/** Whether a message is a request, and not a reply. */
export const isRequest = (message: Message): message is Request => message.kind in REQUESTS;

/** A receiver of which nothing is known. */
const ANY: Recipient = { floors: [] };

/** Packs one message for a receiver. */
export function packMessage(message: Message, to: Recipient = ANY): PackedMessage {
  const { code, codec } = SHAPES_BY_KIND.get(message.kind) as Shape;
  const packed: unknown[] = [code];
  codec.packInto(packed, message, to);
  return pack(trimmed(packed, 1));
}

/** Reads one message; undefined if the bytes are not a message. */
export function unpackMessage(
  bytes: Uint8Array,
  find: FindFloor,
): Message | 'unknown-floor' | undefined {
  try {
    const fields = itemsOf(unpackForeign(bytes), Infinity);
    const shape = SHAPES_BY_CODE.get(fields[0]);
    if (shape === undefined || fields.length > 1 + shape.codec.width + MAX_LATER_FIELDS)
      return undefined;
    return shape.codec.unpackFrom(fields, 1, find) as unknown as Message;
  } catch (error) {
    if (error instanceof UnknownFloorError) return 'unknown-floor';
    // The bytes are not msgpack, or not of the shape that the code demands.
    return undefined;
  }
}
