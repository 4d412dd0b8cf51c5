/**
 * Messages on the wire: a message is a msgpack array `[kind, field, …]`.
 *
 * A context goes on a floor that the receiver knows, or whole. One on a floor that is not known here cannot
 * be read: it is answered as such, and never taken for seen.
 */
import { isErrorCode } from '../base/errors.ts';
import { pack, unpackForeign } from '../base/msgpack.ts';
import { lifeOfActor } from '../core/causality/actor.ts';
import type { Floor } from '../core/causality/floor.ts';
import {
  bytes,
  digestsOf,
  dots,
  type Fields,
  type FindFloor,
  floorNames,
  integer,
  integers,
  list,
  number,
  optional,
  packCondition,
  packContext,
  packDots,
  packFences,
  packItem,
  packMended,
  packRemembered,
  packVersions,
  partitionFloors,
  partitionIn,
  partitionsOf,
  positive,
  text,
  textOrInteger,
  unpackCondition,
  unpackFences,
  unpackItem,
  unpackKeys,
  unpackMended,
  unpackObject,
  unpackRemembered,
  UnknownFloorError,
  wholeContext,
} from './fields.ts';
import { gossipOf, identity, packGossip, packIdentity } from './member-fields.ts';
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

type Kind = Message['kind'];

interface Shape<M extends Message> {
  readonly code: number;
  /** Packs contexts on one of the floors that the receiver knows, if they can be. */
  readonly pack: (message: M, known: readonly Floor[]) => readonly unknown[];
  readonly unpack: (fields: Fields, find: FindFloor) => M;
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
    pack: ({ key, have, floors }) => [key, packDots(have), floors ?? null],
    unpack: (f) => ({ kind: 'read', key: text(f[1]), have: dots(f[2]), floors: optional(f[3], floorNames) }),
  },
  store: {
    code: 3,
    pack: packStore,
    unpack: (f, find) => {
      const item = unpackItem(f.slice(1, 5), find);
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
      token: optional(f[5], wholeContext),
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
    pack: ({ from, digests, floors = [] }) => {
      return [from, digests.flatMap((d) => [d.partition, d.hash]), floors.flatMap((f) => [f.partition, f.name])];
    },
    unpack: (f) => ({
      kind: 'compare',
      from: text(f[1]),
      digests: digestsOf(f[2]),
      floors: optional(f[3], partitionFloors),
    }),
  },
  pull: {
    code: 6,
    pack: (m, known) => [m.from, m.partition, packStatement(m.statement, known), m.floors ?? null],
    unpack: (f, find) => ({
      kind: 'pull',
      from: text(f[1]),
      partition: partitionIn(f[2]),
      statement: unpackStatement(f[3], find),
      floors: optional(f[4], floorNames),
    }),
  },
  state: {
    code: 14,
    pack: ({ from, partitions, filling, floors, life }) => [from, partitions, filling, floors ?? null, life],
    unpack: (f) => ({
      kind: 'state',
      from: text(f[1]),
      partitions: partitionsOf(f[2]),
      filling: list(f[3]).map(text),
      floors: optional(f[4], floorNames),
      life: text(f[5]),
    }),
  },
  snapshot: {
    code: 7,
    pack: (m) => [m.from, m.partition, m.id ?? null, m.after ?? null, m.isComplete, m.floors ?? null],
    unpack: (f) => ({
      kind: 'snapshot',
      from: text(f[1]),
      partition: partitionIn(f[2]),
      id: optional(f[3], text),
      after: optional(f[4], text),
      isComplete: f[5] === true,
      floors: optional(f[6], floorNames),
    }),
  },
  mend: {
    code: 15,
    pack: ({ from, key, floors }) => [from, key, floors ?? null],
    unpack: (f) => ({ kind: 'mend', from: text(f[1]), key: text(f[2]), floors: optional(f[3], floorNames) }),
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
  grant: {
    code: 11,
    pack: (m) => [m.ballot, m.key, m.view, packDots(m.have), m.idempotencyKey ?? null, m.floors ?? null],
    unpack: (f) => ({
      kind: 'grant',
      ballot: text(f[1]),
      key: text(f[2]),
      view: text(f[3]),
      have: dots(f[4]),
      idempotencyKey: optional(f[5], text),
      floors: optional(f[6], floorNames),
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
    pack: (m, known) => [m.actor, m.isComplete, packContext(m.context, known), packVersions(m.versions)],
    unpack: (f, find) => {
      return { kind: 'object', actor: text(f[1]), isComplete: f[2] === true, ...unpackObject(f[3], f[4], find) };
    },
  },
  stored: {
    code: 67,
    pack: ({ actor, replica, fences }) => [actor, replica, packFences(fences)],
    unpack: ([, packedActor, replica, fences]) => {
      const actor = text(packedActor);
      // A node speaks as the actor of its present life.
      return {
        kind: 'stored',
        actor,
        life: lifeOfActor(actor),
        replica: integer(replica),
        fences: unpackFences(fences),
      };
    },
  },
  written: {
    code: 68,
    pack: ({ dot, token, versions, found, isRepeated }) => {
      return [dot.actor, dot.counter, token.pack(), packDots(versions), found, isRepeated];
    },
    unpack: (f) => ({
      kind: 'written',
      dot: { actor: text(f[1]), counter: positive(f[2]) },
      token: wholeContext(f[3]),
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
    pack: (m, known) => [m.life, m.members, m.replicas.map((said) => packReplicaStatement(said, known))],
    unpack: (f, find) => ({
      kind: 'stated',
      life: text(f[1]),
      members: integer(f[2]),
      replicas: list(f[3]).map((said) => unpackReplicaStatement(said, find)),
    }),
  },
  page: {
    code: 71,
    pack: (m, known) => {
      return [packStatement(m.statement, known), m.items.map((item) => packItem(item, known)), m.rest];
    },
    unpack: (f, find) => ({
      kind: 'page',
      statement: unpackStatement(f[1], find),
      items: list(f[2]).map((item) => unpackItem(item, find)),
      rest: f[3] === 'more' || f[3] === 'all' ? f[3] : 'none',
    }),
  },
  'snapshot-page': {
    code: 72,
    pack: ({ id, opening, items, next }, known) => {
      return [id, packOpening(opening, known), items.map((item) => packItem(item, known)), next ?? null];
    },
    unpack: (f, find) => ({
      kind: 'snapshot-page',
      id: text(f[1]),
      opening: optional(f[2], (opening) => unpackOpening(opening, find)),
      items: list(f[3]).map((item) => unpackItem(item, find)),
      next: optional(f[4], text),
    }),
  },
  mended: { code: 77, pack: packMended, unpack: unpackMended },
  granted: {
    code: 75,
    pack: (m, known) => {
      const object = [packContext(m.context, known), packVersions(m.versions)];
      return [m.actor, m.number, ...object, packRemembered(m.remembered)];
    },
    unpack: (f, find) => ({
      kind: 'granted',
      actor: text(f[1]),
      number: text(f[2]),
      ...unpackObject(f[3], f[4], find),
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
  'unknown-floor': {
    code: 78,
    pack: () => [],
    unpack: () => ({ kind: 'unknown-floor' }),
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

const FIRST_REPLY = SHAPES.pong.code;

/** Whether a message asks something, rather than answering. */
export function isRequest(message: Message): message is Request {
  return SHAPES[message.kind].code < FIRST_REPLY;
}

/** Packs one message; its contexts on one of the floors that the receiver knows, if there are any. */
export function packMessage(message: Message, known: readonly Floor[] = []): PackedMessage {
  const shape = SHAPES[message.kind] as Shape<Message>;
  return pack([shape.code, ...shape.pack(message, known)]);
}

/** Reads one message; undefined if it is none. */
export function unpackMessage(bytes: Uint8Array, find: FindFloor): Message | 'unknown-floor' | undefined {
  try {
    const fields = unpackForeign(bytes);
    return Array.isArray(fields) ? SHAPES_BY_CODE.get(fields[0] as number)?.unpack(fields, find) : undefined;
  } catch (error) {
    if (error instanceof UnknownFloorError) return 'unknown-floor';
    // Not msgpack, or not of the shape that its code promises.
    return undefined;
  }
}
