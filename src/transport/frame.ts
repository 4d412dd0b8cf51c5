/**
 * Frames on the wire: byte 0 the protocol version; then messages, each with a head of 8 bytes: id
 * and length (uint32, big-endian). A reply has the id of its request.
 *
 * Nothing that comes in is trusted: a frame or a message of the wrong shape is refused, never half
 * understood.
 */
import { MAX_FRAME_BYTES } from './limits.ts';
import { type PackedMessage, unpackMessage } from './codec.ts';
import { type FindFloor, noFloor, WireError } from './field.ts';
import type { Message } from './message.ts';

/**
 * Nodes of another protocol version cannot be understood; their frames are dropped and reported.
 */
export const PROTOCOL_VERSION = 3;

const FRAME_HEADER_BYTES = 1;
const ITEM_HEADER_BYTES = 8;

/** Ids wrap around here. */
export const MAX_ID = 0xffff_ffff;

/** A message with the id that ties a reply to its request. */
export interface Item {
  readonly id: number;
  readonly message: Message;
}

/** A frame taken apart. Items that were not understood are only counted. */
export interface Frame {
  readonly items: readonly Item[];
  /**
   * The ids of messages with a context on a floor that is not known here: they could not be read.
   */
  readonly unknown: readonly number[];
  readonly garbage: number;
}

/** A packed message with the id that ties a reply to its request. */
export interface PackedItem {
  readonly id: number;
  readonly message: PackedMessage;
}

/** Whether a message of so many bytes fits in a frame. */
export function isSendable(message: PackedMessage): boolean {
  return message.length <= MAX_FRAME_BYTES - FRAME_HEADER_BYTES - ITEM_HEADER_BYTES;
}

/** Makes a frame of packed messages. */
export function packFrame(items: readonly PackedItem[]): Uint8Array {
  const bytes = items.reduce((sum, { message }) => sum + ITEM_HEADER_BYTES + message.length, FRAME_HEADER_BYTES);
  const frame = new Uint8Array(bytes);
  const view = new DataView(frame.buffer);
  frame[0] = PROTOCOL_VERSION;
  let at = FRAME_HEADER_BYTES;
  for (const { id, message } of items) {
    view.setUint32(at, id);
    view.setUint32(at + 4, message.length);
    frame.set(message, at + ITEM_HEADER_BYTES);
    at += ITEM_HEADER_BYTES + message.length;
  }
  return frame;
}

/** Takes a frame apart; throws `WireError` if it is not one. */
export function unpackFrame(frame: Uint8Array, findFloor: FindFloor = noFloor): Frame {
  if (frame[0] !== PROTOCOL_VERSION) throw new WireError(`protocol version ${frame[0] ?? 'missing'}`);
  if (frame.length < FRAME_HEADER_BYTES) throw new WireError('a frame cut short');
  const view = new DataView(frame.buffer, frame.byteOffset, frame.length);
  const items: Item[] = [];
  const unknown: number[] = [];
  let garbage = 0;
  for (let at = FRAME_HEADER_BYTES; at < frame.length;) {
    const end = at + ITEM_HEADER_BYTES <= frame.length ? at + ITEM_HEADER_BYTES + view.getUint32(at + 4) : Infinity;
    if (end > frame.length) throw new WireError('a message cut short');
    const message = unpackMessage(frame.subarray(at + ITEM_HEADER_BYTES, end), findFloor);
    if (message === undefined) garbage += 1;
    else if (message === 'unknown-floor') unknown.push(view.getUint32(at));
    else items.push({ id: view.getUint32(at), message });
    at = end;
  }
  return { items, unknown, garbage };
}
