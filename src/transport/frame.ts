/**
 * Frames on the wire: byte 0 is the protocol version. Bytes 1 to 4 are the tag of the cluster that
 * the frame is for (uint32, big-endian), or 0. The messages follow, each with a head of 8 bytes: id
 * and length. A reply has the id of its request.
 *
 * A node of another cluster may get the address of a member. The tag keeps it from taking the
 * requests that were on their way to that member.
 *
 * Incoming bytes are not trusted: a frame or message of the wrong shape is refused as a whole.
 */
import { MAX_FRAME_BYTES } from './limits.ts';
import { type PackedMessage, unpackMessage } from './codec.ts';
import { type FindFloor, noFloor, WireError } from './field.ts';
import type { Message } from './message.ts';
import { PROTOCOL, type ProtocolRange } from './protocol.ts';

const FRAME_HEADER_BYTES = 5;
const TAG_AT = 1;
const ITEM_HEADER_BYTES = 8;

/** The largest id; the next one is 1. */
export const MAX_ID = 0xffff_ffff;

/** A message with the id that ties a reply to its request. */
export interface Item {
  readonly id: number;
  readonly message: Message;
}

/** An unpacked frame. Messages of the wrong shape are only counted. */
export interface Frame {
  readonly version: number;
  /** The tag of the cluster; 0 if there is none. */
  readonly tag: number;
  readonly items: readonly Item[];
  /**
   * The ids of messages that could not be read, because they have a context on a floor that is
   * unknown here.
   */
  readonly unknown: readonly number[];
  readonly garbage: number;
}

/** A packed message with the id that ties a reply to its request. */
export interface PackedItem {
  readonly id: number;
  readonly message: PackedMessage;
}

/** Whether a message fits in a frame. */
export function isSendable(message: PackedMessage): boolean {
  return message.length <= MAX_FRAME_BYTES - FRAME_HEADER_BYTES - ITEM_HEADER_BYTES;
}

/** The head of a frame. */
export type FrameHead = Partial<Pick<Frame, 'version' | 'tag'>>;

/** Packs messages into a frame. */
export function packFrame(
  items: readonly PackedItem[],
  { version = PROTOCOL.newest, tag = 0 }: FrameHead = {},
): Uint8Array {
  const bytes = items.reduce(
    (sum, { message }) => sum + ITEM_HEADER_BYTES + message.length,
    FRAME_HEADER_BYTES,
  );
  const frame = new Uint8Array(bytes);
  const view = new DataView(frame.buffer);
  frame[0] = version;
  view.setUint32(TAG_AT, tag);
  let at = FRAME_HEADER_BYTES;
  for (const { id, message } of items) {
    view.setUint32(at, id);
    view.setUint32(at + 4, message.length);
    frame.set(message, at + ITEM_HEADER_BYTES);
    at += ITEM_HEADER_BYTES + message.length;
  }
  return frame;
}

/** The options of a reader of frames. */
export interface FrameOptions {
  /** Finds the floors that contexts may lie on. */
  readonly findFloor?: FindFloor | undefined;
  /** The versions that the reader understands. */
  readonly protocol?: ProtocolRange | undefined;
}

/** Reads frames of all versions, for an observer that is not a node. */
export const ANY_VERSION: ProtocolRange = { oldest: 0, newest: 255 };

/**
 * Unpacks a frame. Throws `WireError` if it is not one, or if this node does not speak its version.
 */
export function unpackFrame(
  frame: Uint8Array,
  { findFloor = noFloor, protocol: { oldest, newest } = PROTOCOL }: FrameOptions = {},
): Frame {
  const version = frame[0];
  if (version === undefined) throw new WireError('an empty frame');
  if (version < oldest || version > newest) {
    throw new WireError(`protocol version ${version}, and this node speaks ${oldest} to ${newest}`);
  }
  if (frame.length < FRAME_HEADER_BYTES) throw new WireError('a frame cut short');
  const view = new DataView(frame.buffer, frame.byteOffset, frame.length);
  const tag = view.getUint32(TAG_AT);
  const items: Item[] = [];
  const unknown: number[] = [];
  let garbage = 0;
  for (let at = FRAME_HEADER_BYTES; at < frame.length;) {
    const end =
      at + ITEM_HEADER_BYTES <= frame.length
        ? at + ITEM_HEADER_BYTES + view.getUint32(at + 4)
        : Infinity;
    if (end > frame.length) throw new WireError('a message cut short');
    const message = unpackMessage(frame.subarray(at + ITEM_HEADER_BYTES, end), findFloor);
    if (message === undefined) garbage += 1;
    else if (message === 'unknown-floor') unknown.push(view.getUint32(at));
    else items.push({ id: view.getUint32(at), message });
    at = end;
  }
  return { version, tag, items, unknown, garbage };
}
