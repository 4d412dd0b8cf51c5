/**
 * Frames on the wire: byte 0 the protocol version; then messages, each with a head of 8 bytes: id and length (uint32, big-endian). A
 * message is a msgpack array `[kind, field, …]`. A reply bears the id of its request.
 *
 * Nothing that comes in is trusted: a frame or a message of the wrong shape is refused, never half understood.
 */
import { isErrorCode } from '../base/errors.ts';
import { MAX_FRAME_BYTES } from '../base/limits.ts';
import { pack, unpackForeign } from '../base/msgpack.ts';
import {
  bytes,
  context,
  digestsOf,
  dots,
  type Fields,
  gossipOf,
  identity,
  integer,
  integers,
  list,
  number,
  optional,
  packCondition,
  packDots,
  packGossip,
  packIdentity,
  packItem,
  packMended,
  packRemembered,
  packVersions,
  partitionIn,
  partitionsOf,
  positive,
  text,
  textOrInteger,
  unpackCondition,
  unpackItem,
  unpackKeys,
  unpackMended,
  unpackObject,
  unpackRemembered,
  WireError,
} from './fields.ts';
import type { Message, Request } from './message.ts';
import {
  packOpening,
  packReplicaStatement,
  packStatement,
  packStore,
  unpackMemory,
  unpackOpening,
  unpackReplicaStatement,
  unpackStatement,
} from './statement-fields.ts';

/** Nodes of another protocol version cannot be understood; their frames are dropped and reported. */
export const PROTOCOL_VERSION = 1;

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
  readonly garbage: number;
}

type Kind = Message['kind'];

interface Shape<M extends Message> {
  readonly code: number;
  readonly pack: (message: M) => readonly unknown[];
  readonly unpack: (fields: Fields) => M;
}

const SHAPES: { [K in Kind]: Shape<Extract<Message, { kind: K }>> } = {
  ping: { code: 1, pack: () => [], unpack: () => ({ kind: 'ping' }) },
  probe: {
    code: 9,
    pack: ({ from, wantsAll, ...gossip }) => [packIdentity(from), wantsAll, packGossip(gossip)],
    unpack: (f) => ({ kind: 'probe', from: identity(f[1]), wantsAll: f[2] === true, ...gossipOf(f[3]) }),
  },
  'probe-for': {
    code: 10,
    pack: ({ name }) => [name],
    unpack: (f) => ({ kind: 'probe-for', name: text(f[1]) }),
  },
  read: {
    code: 2,
    pack: ({ key, have }) => [key, packDots(have)],
    unpack: (f) => ({ kind: 'read', key: text(f[1]), have: dots(f[2]) }),
  },
  store: {
    code: 3,
    pack: packStore,
    unpack: (f) => {
      const item = unpackItem(f.slice(1, 5));
      return { kind: 'store', ...item, grant: optional(f[5], text), memory: optional(f[6], unpackMemory) };
    },
  },
  forward: {
    code: 4,
    pack: (m) => {
      const quorums = [m.r, m.w, Math.round(m.timeoutMs), m.pr ?? null, m.pw ?? null];
      const condition = m.condition === undefined ? null : packCondition(m.condition);
      return [m.id, m.process, m.notAfterMs, m.key, m.token?.pack() ?? null, m.body ?? null, ...quorums, condition];
    },
    unpack: (f) => ({
      kind: 'forward',
      id: text(f[1]),
      process: text(f[2]),
      notAfterMs: number(f[3]),
      key: text(f[4]),
      token: optional(f[5], context),
      body: optional(f[6], bytes),
      r: textOrInteger(f[7]),
      w: textOrInteger(f[8]),
      timeoutMs: integer(f[9]),
      pr: optional(f[10], textOrInteger),
      pw: optional(f[11], textOrInteger),
      condition: optional(f[12], unpackCondition),
    }),
  },
  compare: {
    code: 5,
    pack: (m) => [m.from, m.digests.flatMap(({ partition, hash }) => [partition, hash])],
    unpack: (f) => ({ kind: 'compare', from: text(f[1]), digests: digestsOf(f[2]) }),
  },
  pull: {
    code: 6,
    pack: ({ from, partition, statement }) => [from, partition, packStatement(statement)],
    unpack: (f) => ({
      kind: 'pull',
      from: text(f[1]),
      partition: partitionIn(f[2]),
      statement: unpackStatement(f[3]),
    }),
  },
  state: {
    code: 14,
    pack: ({ from, partitions, filling }) => [from, partitions, filling],
    unpack: (f) => ({ kind: 'state', from: text(f[1]), partitions: partitionsOf(f[2]), filling: list(f[3]).map(text) }),
  },
  snapshot: {
    code: 7,
    pack: ({ from, partition, id, after, isComplete }) => [from, partition, id ?? null, after ?? null, isComplete],
    unpack: (f) => ({
      kind: 'snapshot',
      from: text(f[1]),
      partition: partitionIn(f[2]),
      id: optional(f[3], text),
      after: optional(f[4], text),
      isComplete: f[5] === true,
    }),
  },
  mend: {
    code: 15,
    pack: ({ from, key }) => [from, key],
    unpack: (f) => ({ kind: 'mend', from: text(f[1]), key: text(f[2]) }),
  },
  scrub: {
    code: 12,
    pack: (m) => [m.from, m.partition, m.after ?? null, m.until ?? null, m.clockHash, m.rows, m.digest],
    unpack: (f) => ({
      kind: 'scrub',
      from: text(f[1]),
      partition: partitionIn(f[2]),
      after: optional(f[3], text),
      until: optional(f[4], text),
      clockHash: integer(f[5]),
      rows: integer(f[6]),
      digest: integer(f[7]),
    }),
  },
  list: {
    code: 8,
    pack: ({ partitions, prefix, after, limit }) => [partitions, prefix, after ?? null, limit],
    unpack: (f) => ({
      kind: 'list',
      partitions: partitionsOf(f[1]),
      prefix: text(f[2]),
      after: optional(f[3], text),
      limit: integer(f[4]),
    }),
  },
  claim: {
    code: 11,
    pack: ({ ballot, key, view, have, idempotencyKey }) => [ballot, key, view, packDots(have), idempotencyKey ?? null],
    unpack: (f) => ({
      kind: 'claim',
      ballot: text(f[1]),
      key: text(f[2]),
      view: text(f[3]),
      have: dots(f[4]),
      idempotencyKey: optional(f[5], text),
    }),
  },
  release: {
    code: 13,
    pack: ({ ballot, key }) => [ballot, key],
    unpack: (f) => ({ kind: 'release', ballot: text(f[1]), key: text(f[2]) }),
  },
  pong: {
    code: 65,
    pack: ({ process, nowMs }) => [process, nowMs],
    unpack: (f) => ({ kind: 'pong', process: text(f[1]), nowMs: number(f[2]) }),
  },
  probed: {
    code: 74,
    pack: ({ from, nowMs, wallMicros, refusal, ...gossip }) => {
      return [packIdentity(from), nowMs, refusal, packGossip(gossip), wallMicros];
    },
    unpack: (f) => ({
      kind: 'probed',
      from: identity(f[1]),
      nowMs: number(f[2]),
      refusal: text(f[3]),
      ...gossipOf(f[4]),
      wallMicros: number(f[5]),
    }),
  },
  object: {
    code: 66,
    pack: (m) => [m.actor, m.isComplete, m.context.pack(), packVersions(m.versions)],
    unpack: (f) => ({ kind: 'object', actor: text(f[1]), isComplete: f[2] === true, ...unpackObject(f[3], f[4]) }),
  },
  stored: {
    code: 67,
    pack: ({ actor }) => [actor],
    unpack: (f) => ({ kind: 'stored', actor: text(f[1]) }),
  },
  written: {
    code: 68,
    pack: ({ dot, token, versions, found, isRepeated }) => {
      return [dot.actor, dot.counter, token.pack(), packDots(versions), found, isRepeated];
    },
    unpack: (f) => ({
      kind: 'written',
      dot: { actor: text(f[1]), counter: positive(f[2]) },
      token: context(f[3]),
      versions: dots(f[4]),
      found: f[5] === true,
      isRepeated: f[6] === true,
    }),
  },
  compared: {
    code: 70,
    pack: ({ differing, incomplete }) => [differing, incomplete],
    unpack: (f) => ({ kind: 'compared', differing: integers(f[1]), incomplete: integers(f[2]) }),
  },
  stated: {
    code: 76,
    pack: ({ life, members, replicas }) => [life, members, replicas.map(packReplicaStatement)],
    unpack: (f) => ({
      kind: 'stated',
      life: text(f[1]),
      members: integer(f[2]),
      replicas: list(f[3]).map(unpackReplicaStatement),
    }),
  },
  page: {
    code: 71,
    pack: ({ statement, items, rest }) => [packStatement(statement), items.map(packItem), rest],
    unpack: (f) => ({
      kind: 'page',
      statement: unpackStatement(f[1]),
      items: list(f[2]).map(unpackItem),
      rest: f[3] === 'more' || f[3] === 'all' ? f[3] : 'none',
    }),
  },
  'snapshot-page': {
    code: 72,
    pack: ({ id, opening, items, next }) => [id, packOpening(opening), items.map(packItem), next ?? null],
    unpack: (f) => ({
      kind: 'snapshot-page',
      id: text(f[1]),
      opening: optional(f[2], unpackOpening),
      items: list(f[3]).map(unpackItem),
      next: optional(f[4], text),
    }),
  },
  mended: { code: 77, pack: packMended, unpack: unpackMended },
  claimed: {
    code: 75,
    pack: (m) => [m.actor, m.number, m.context.pack(), packVersions(m.versions), packRemembered(m.remembered)],
    unpack: (f) => ({
      kind: 'claimed',
      actor: text(f[1]),
      number: text(f[2]),
      ...unpackObject(f[3], f[4]),
      remembered: optional(f[5], unpackRemembered),
    }),
  },
  keys: {
    code: 73,
    pack: ({ keys, tags, until, incomplete }) => [keys, tags, until ?? null, incomplete],
    unpack: (f) => ({
      kind: 'keys',
      ...unpackKeys(f[1], f[2]),
      until: optional(f[3], text),
      incomplete: integers(f[4]),
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

/** Whether a message of so many bytes fits in a frame. */
export function isSendable(message: PackedMessage): boolean {
  return message.length <= MAX_FRAME_BYTES - FRAME_HEADER_BYTES - ITEM_HEADER_BYTES;
}

const FIRST_REPLY = SHAPES.pong.code;

/** Whether a message asks something, rather than answering. */
export function isRequest(message: Message): message is Request {
  return SHAPES[message.kind].code < FIRST_REPLY;
}

/** Packs one message. */
export function packMessage(message: Message): PackedMessage {
  const shape = SHAPES[message.kind] as Shape<Message>;
  return pack([shape.code, ...shape.pack(message)]);
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
  return { items, garbage };
}

function unpackMessage(bytes: Uint8Array): Message | undefined {
  try {
    const fields = unpackForeign(bytes);
    return Array.isArray(fields) ? SHAPES_BY_CODE.get(fields[0] as number)?.unpack(fields) : undefined;
  } catch {
    // Not msgpack, or not of the shape that its code promises.
    return undefined;
  }
}
