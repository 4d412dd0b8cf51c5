/**
 * Frames on the wire. Byte 0 is the protocol version; the rest is one msgpack array
 * `[sentAt, item, item, …]`: when the sender sent it (its own monotonic clock, whole ms), then the messages,
 * each `[id, kind, field, …]`. A reply bears the id of its request.
 *
 * Nothing that comes in is trusted: a frame or an item of the wrong shape is refused, never half understood.
 */
import { isErrorCode } from '../base/errors.ts';
import { packAfter, unpack } from '../base/msgpack.ts';
import { CausalContext, type Dot } from '../core/causal-context.ts';
import type { FilledObject } from '../core/object.ts';
import type { Message, SparseVersion } from './message.ts';

/** Nodes of another protocol version cannot be understood; their frames are dropped and reported. */
export const PROTOCOL_VERSION = 1;

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
  readonly pack: (message: M) => unknown[];
  readonly unpack: (fields: Fields) => M;
}

const SHAPES: { [K in Kind]: Shape<Extract<Message, { kind: K }>> } = {
  ping: {
    code: 1,
    pack: ({ name, process, partitions, members }) => [name, process, partitions, members],
    unpack: (f) => ({
      kind: 'ping',
      name: text(f[2]),
      process: text(f[3]),
      partitions: integer(f[4]),
      members: integer(f[5]),
    }),
  },
  read: {
    code: 2,
    pack: ({ key, have }) => [key, packDots(have)],
    unpack: (f) => ({ kind: 'read', key: text(f[2]), have: dots(f[3]) }),
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
      key: text(f[2]),
      token: f[3] === null ? undefined : context(f[3]),
      body: f[4] === null ? undefined : bytes(f[4]),
      r: typeof f[5] === 'number' ? integer(f[5]) : text(f[5]),
      w: typeof f[6] === 'number' ? integer(f[6]) : text(f[6]),
      budgetMs: integer(f[7]),
    }),
  },
  pong: {
    code: 65,
    pack: ({ name, process, partitions, members }) => [name, process, partitions, members],
    unpack: (f) => ({
      kind: 'pong',
      name: text(f[2]),
      process: text(f[3]),
      partitions: integer(f[4]),
      members: integer(f[5]),
    }),
  },
  object: {
    code: 66,
    pack: ({ actor, context: known, versions }) => [actor, known.pack(), packVersions(versions)],
    unpack: (f) => ({ kind: 'object', actor: text(f[2]), ...unpackObject(f[3], f[4]) }),
  },
  stored: {
    code: 67,
    pack: ({ actor }) => [actor],
    unpack: (f) => ({ kind: 'stored', actor: text(f[2]) }),
  },
  written: {
    code: 68,
    pack: ({ dot, token, versions, found }) => [dot.actor, dot.counter, token.pack(), packDots(versions), found],
    unpack: (f) => ({
      kind: 'written',
      dot: { actor: text(f[2]), counter: positive(f[3]) },
      token: context(f[4]),
      versions: dots(f[5]),
      found: f[6] === true,
    }),
  },
  failed: {
    code: 69,
    pack: ({ code, detail, have, need }) => [code, detail, have, need],
    unpack: (f) => ({
      kind: 'failed',
      code: isErrorCode(f[2]) ? f[2] : 'internal',
      detail: text(f[3]),
      have: integer(f[4]),
      need: integer(f[5]),
    }),
  },
};

const SHAPES_BY_CODE = new Map(Object.values(SHAPES).map((shape) => [shape.code, shape as Shape<Message>]));

/** The items of a frame, in their packed form, so that a sender can pack early and frame late. */
export type PackedItem = readonly unknown[];

/** Packs one message for a frame. */
export function packItem(id: number, message: Message): PackedItem {
  const shape = SHAPES[message.kind] as Shape<Message>;
  return [id, shape.code, ...shape.pack(message)];
}

/** Makes a frame of packed items. */
export function packFrame(sentAtMs: number, items: readonly PackedItem[]): Uint8Array {
  const frame = packAfter(1, [Math.round(sentAtMs), ...items]);
  frame[0] = PROTOCOL_VERSION;
  return frame;
}

/** Takes a frame apart; throws `WireError` where it is not one. */
export function unpackFrame(frame: Uint8Array): Frame {
  if (frame[0] !== PROTOCOL_VERSION) throw new WireError(`protocol version ${frame[0] ?? 'missing'}`);
  const parts = unpackArray(frame.subarray(1));
  const items: Item[] = [];
  let garbage = 0;
  for (let i = 1; i < parts.length; i++) {
    const item = unpackItem(parts[i]);
    if (item === undefined) garbage += 1;
    else items.push(item);
  }
  return { sentAtMs: integer(parts[0]), items, garbage };
}

function unpackArray(body: Uint8Array): Fields {
  let parts: unknown;
  try {
    parts = unpack(body);
  } catch {
    throw new WireError('not msgpack');
  }
  if (!Array.isArray(parts) || parts.length < 1) throw new WireError('not an array');
  return parts;
}

function unpackItem(fields: unknown): Item | undefined {
  if (!Array.isArray(fields)) return undefined;
  const shape = SHAPES_BY_CODE.get(fields[1] as number);
  if (shape === undefined) return undefined;
  try {
    return { id: integer(fields[0]), message: shape.unpack(fields) };
  } catch (error) {
    if (error instanceof WireError) return undefined;
    throw error;
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
  const { context: known, versions } = unpackObject(fields[3], fields[4]);
  const written = dots(fields[5]);
  for (const { body } of versions) if (body === undefined) throw new WireError('a stored version without a body');
  // An object that does not know its own dots would be merged wrongly, and would slip past the guard of actors.
  for (const dot of written) if (!known.has(dot.actor, dot.counter)) throw new WireError('a dot outside the context');
  const object = { context: known, versions } as FilledObject<Uint8Array>;
  return { kind: 'store', key: text(fields[2]), object, dots: written };
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
