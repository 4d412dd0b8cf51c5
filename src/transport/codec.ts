/**
 * Frames on the wire: byte 0 the protocol version; bytes 1–8 when the sender sent it (its own monotonic clock, ms, a
 * float64); then messages, each with a head of 8 bytes: id and length (uint32, big-endian like all). A message is a msgpack array
 * `[kind, field, …]`. A reply bears the id of its request.
 *
 * Nothing that comes in is trusted: a frame or a message of the wrong shape is refused, never half understood.
 */
import { isErrorCode } from '../base/errors.ts';
import { pack, unpack } from '../base/msgpack.ts';
import { CausalContext, type Dot } from '../core/causal-context.ts';
import type { FilledObject } from '../core/object.ts';
import type { Message, SparseVersion } from './message.ts';

/** Nodes of another protocol version cannot be understood; their frames are dropped and reported. */
export const PROTOCOL_VERSION = 1;

const FRAME_HEADER_BYTES = 9;
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
  readonly sentAtMs: number;
  readonly items: readonly Item[];
  readonly garbage: number;
}

/** A frame or item is not of the protocol. */
export class WireError extends Error {
  override readonly name = 'WireError';
}

type Fields = readonly unknown[];
type Kind = Message['kind'];

interface Shape<M extends Message> {
  readonly code: number;
  readonly pack: (message: M) => readonly unknown[];
  readonly unpack: (fields: Fields) => M;
}

const SHAPES: { [K in Kind]: Shape<Extract<Message, { kind: K }>> } = {
  ping: {
    code: 1,
    pack: ({ name, process, partitions, members }) => [name, process, partitions, members],
    unpack: (f) => ({
      kind: 'ping',
      name: text(f[1]),
      process: text(f[2]),
      partitions: integer(f[3]),
      members: integer(f[4]),
    }),
  },
  read: {
    code: 2,
    pack: ({ key, have }) => [key, packDots(have)],
    unpack: (f) => ({ kind: 'read', key: text(f[1]), have: dots(f[2]) }),
  },
  store: {
    code: 3,
    pack: ({ key, object, dots: written }) => [
      key,
      object.context.pack(),
      packVersions(object.versions),
      packDots(written),
    ],
    unpack: unpackStore,
  },
  forward: {
    code: 4,
    pack: ({ key, token, body, r, w, budgetMs }) => [
      key,
      token?.pack() ?? null,
      body ?? null,
      r,
      w,
      Math.round(budgetMs),
    ],
    unpack: (f) => ({
      kind: 'forward',
      key: text(f[1]),
      token: f[2] === null ? undefined : context(f[2]),
      body: f[3] === null ? undefined : bytes(f[3]),
      r: typeof f[4] === 'number' ? integer(f[4]) : text(f[4]),
      w: typeof f[5] === 'number' ? integer(f[5]) : text(f[5]),
      budgetMs: integer(f[6]),
    }),
  },
  pong: {
    code: 65,
    pack: ({ name, process, partitions, members }) => [name, process, partitions, members],
    unpack: (f) => ({
      kind: 'pong',
      name: text(f[1]),
      process: text(f[2]),
      partitions: integer(f[3]),
      members: integer(f[4]),
    }),
  },
  object: {
    code: 66,
    pack: ({ actor, context: known, versions }) => [actor, known.pack(), packVersions(versions)],
    unpack: (f) => ({ kind: 'object', actor: text(f[1]), ...unpackObject(f[2], f[3]) }),
  },
  stored: {
    code: 67,
    pack: ({ actor }) => [actor],
    unpack: (f) => ({ kind: 'stored', actor: text(f[1]) }),
  },
  written: {
    code: 68,
    pack: ({ dot, token, versions, found }) => [dot.actor, dot.counter, token.pack(), packDots(versions), found],
    unpack: (f) => ({
      kind: 'written',
      dot: { actor: text(f[1]), counter: positive(f[2]) },
      token: context(f[3]),
      versions: dots(f[4]),
      found: f[5] === true,
    }),
  },
  failed: {
    code: 69,
    pack: ({ code, detail, have, need }) => [code, detail, have, need],
    unpack: (f) => ({
      kind: 'failed',
      code: isErrorCode(f[1]) ? f[1] : 'internal',
      detail: text(f[2]),
      have: integer(f[3]),
      need: integer(f[4]),
    }),
  },
};

const SHAPES_BY_CODE = new Map(Object.values(SHAPES).map((shape) => [shape.code, shape as Shape<Message>]));

/** A message in its packed form: packed once, however many peers it goes to. */
export type PackedMessage = Uint8Array;

/** A packed message with the id that ties a reply to its request. */
export interface PackedItem {
  readonly id: number;
  readonly message: PackedMessage;
}

/** Packs one message. */
export function packMessage(message: Message): PackedMessage {
  const shape = SHAPES[message.kind] as Shape<Message>;
  return pack([shape.code, ...shape.pack(message)]);
}

/** Makes a frame of packed messages. */
export function packFrame(sentAtMs: number, items: readonly PackedItem[]): Uint8Array {
  const bytes = items.reduce((sum, { message }) => sum + ITEM_HEADER_BYTES + message.length, FRAME_HEADER_BYTES);
  const frame = new Uint8Array(bytes);
  const view = new DataView(frame.buffer);
  frame[0] = PROTOCOL_VERSION;
  view.setFloat64(1, sentAtMs);
  let at = FRAME_HEADER_BYTES;
  for (const { id, message } of items) {
    view.setUint32(at, id);
    view.setUint32(at + 4, message.length);
    frame.set(message, at + ITEM_HEADER_BYTES);
    at += ITEM_HEADER_BYTES + message.length;
  }
  return frame;
}

/** Takes a frame apart; throws `WireError` where it is not one. */
export function unpackFrame(frame: Uint8Array): Frame {
  if (frame[0] !== PROTOCOL_VERSION) throw new WireError(`protocol version ${frame[0] ?? 'missing'}`);
  if (frame.length < FRAME_HEADER_BYTES) throw new WireError('a frame cut short');
  const view = new DataView(frame.buffer, frame.byteOffset, frame.length);
  const items: Item[] = [];
  let garbage = 0;
  for (let at = FRAME_HEADER_BYTES; at < frame.length;) {
    const end = at + ITEM_HEADER_BYTES <= frame.length ? at + ITEM_HEADER_BYTES + view.getUint32(at + 4) : Infinity;
    if (end > frame.length) throw new WireError('a message cut short');
    const message = unpackMessage(frame.subarray(at + ITEM_HEADER_BYTES, end));
    if (message === undefined) garbage += 1;
    else items.push({ id: view.getUint32(at), message });
    at = end;
  }
  const sentAtMs = view.getFloat64(1);
  if (!Number.isFinite(sentAtMs)) throw new WireError('no time');
  return { sentAtMs, items, garbage };
}

function unpackMessage(bytes: Uint8Array): Message | undefined {
  try {
    const fields = unpack(bytes);
    return Array.isArray(fields) ? SHAPES_BY_CODE.get(fields[0] as number)?.unpack(fields) : undefined;
  } catch {
    // Not msgpack, or not of the shape that its code promises.
    return undefined;
  }
}

function packDots(list: readonly Dot[]): unknown[] {
  const packed: unknown[] = [];
  for (const { actor, counter } of list) packed.push(actor, counter);
  return packed;
}

function packVersions(versions: readonly SparseVersion[]): unknown[] {
  const packed: unknown[] = [];
  for (const { actor, counter, body } of versions) packed.push(actor, counter, body ?? null);
  return packed;
}

function unpackStore(fields: Fields): Extract<Message, { kind: 'store' }> {
  const { context: known, versions } = unpackObject(fields[2], fields[3]);
  const written = dots(fields[4]);
  for (const { body } of versions) if (body === undefined) throw new WireError('a stored version without a body');
  // An object that does not know its own dots would be merged wrongly, and would slip past the guard of actors.
  for (const dot of written) if (!known.has(dot.actor, dot.counter)) throw new WireError('a dot outside the context');
  const object = { context: known, versions } as FilledObject<Uint8Array>;
  return { kind: 'store', key: text(fields[1]), object, dots: written };
}

function unpackObject(
  packedContext: unknown,
  packedVersions: unknown,
): { context: CausalContext; versions: SparseVersion[] } {
  const known = context(packedContext);
  if (!Array.isArray(packedVersions) || packedVersions.length % 3 !== 0) throw new WireError('not versions');
  const versions: SparseVersion[] = [];
  for (let i = 0; i < packedVersions.length; i += 3) {
    const body: unknown = packedVersions[i + 2];
    const version = {
      actor: text(packedVersions[i]),
      counter: positive(packedVersions[i + 1]),
      body: body === null ? undefined : bytes(body),
    };
    if (!known.has(version.actor, version.counter)) throw new WireError('a version outside its context');
    versions.push(version);
  }
  return { context: known, versions };
}

function dots(packed: unknown): Dot[] {
  if (!Array.isArray(packed) || packed.length % 2 !== 0) throw new WireError('not dots');
  const list: Dot[] = [];
  for (let i = 0; i < packed.length; i += 2) list.push({ actor: text(packed[i]), counter: positive(packed[i + 1]) });
  return list;
}

function context(packed: unknown): CausalContext {
  const unpacked = CausalContext.unpack(packed);
  if (unpacked === undefined) throw new WireError('not a context');
  return unpacked;
}

function text(field: unknown): string {
  if (typeof field !== 'string') throw new WireError('not a text');
  return field;
}

function integer(field: unknown): number {
  if (typeof field !== 'number' || !Number.isSafeInteger(field) || field < 0) throw new WireError('not a whole number');
  return field;
}

function positive(field: unknown): number {
  const n = integer(field);
  if (n < 1) throw new WireError('not a positive number');
  return n;
}

function bytes(field: unknown): Uint8Array {
  if (!(field instanceof Uint8Array)) throw new WireError('not bytes');
  return field;
}
