/**
 * The content of a version: what a user wrote, with what must be kept beside it. It is packed
 * once, by the coordinator, and travels and rests as opaque bytes: replicas look at nothing in it
 * but the time at which it expires.
 */
import { hash64 } from '../../base/hash.ts';
import { pack, unpackForeign } from '../../base/msgpack.ts';

/** What a user wrote. */
export interface Content {
  readonly value: Uint8Array;
  readonly contentType: string;
  readonly contentEncoding?: string | undefined;
  /** When the coordinator took it, µs since 1970. */
  readonly timestampMicros: number;
  /** `X-Mec-Client-ID`: recorded, never part of causality. */
  readonly clientId?: string | undefined;
  /** `X-Mec-Meta-*`: lower-case name (without the prefix) and value. */
  readonly meta?: readonly (readonly [string, string])[] | undefined;
  /** From when on no reader sees it any more, µs since 1970. */
  readonly expiresMicros?: number | undefined;
  /**
   * `Idempotency-Key`, `X-Mec-Write-ID`: two versions with the same one and an equal digest are one
   * write, sent twice.
   */
  readonly idempotencyKey?: string | undefined;
  /** Fields of a later version, with their flags: kept as they came. */
  readonly later?: { readonly flags: number; readonly fields: readonly unknown[] } | undefined;
}

/** The optional fields in the order in which they follow the others. New ones go to the end. */
const OPTIONAL = ['contentEncoding', 'clientId', 'meta', 'expiresMicros', 'idempotencyKey'] as const;
const FLAG = { contentEncoding: 1, clientId: 2, meta: 4, expiresMicros: 8, idempotencyKey: 16 } as const;
const KNOWN_FLAGS = 31;
const PLAIN_FIELDS = 4;
/** Flags below this are one byte of msgpack, the second of a packed content. */
const ONE_BYTE_FLAGS = 0x80;

/** The packed form: msgpack `[flags, timestamp, type, value, …]`, and for each flag its field. */
export function packContent(content: Content): Uint8Array {
  const { timestampMicros, contentType, value, later } = content;
  const fields: unknown[] = [0, timestampMicros, contentType, value];
  let flags = later?.flags ?? 0;
  for (const name of OPTIONAL) {
    const field = content[name];
    if (field === undefined) continue;
    flags |= FLAG[name];
    fields.push(field);
  }
  fields[0] = flags;
  if (later !== undefined) fields.push(...later.fields);
  return pack(fields);
}

/** The content of packed bytes; the value is a view on them. Throws if the bytes are not a content. */
export function unpackContent(bytes: Uint8Array): Content {
  const fields = unpackForeign(bytes);
  if (!Array.isArray(fields)) throw new Error('not a content');
  const [flags, timestampMicros, contentType, value, ...rest] = fields as unknown[];
  // Format 1 began with the timestamp and the type.
  if (typeof timestampMicros === 'string') return fromFormat1(fields);
  const areFlags = typeof flags === 'number' && Number.isInteger(flags) && flags >= 0 && flags < 2 ** 31;
  if (!areFlags) throw new Error('not a content');
  if (fields.length !== PLAIN_FIELDS + countBits(flags)) throw new Error('not a content');
  let next = 0;
  const known = OPTIONAL.map((name) => ((flags & FLAG[name]) === 0 ? undefined : rest[next++]));
  const laterFlags = flags & ~KNOWN_FLAGS;
  const content = checked([timestampMicros, contentType, value], known);
  return laterFlags === 0 ? content : { ...content, later: { flags: laterFlags, fields: rest.slice(next) } };
}

/** Store format 1 had six fields, or eight if it had any of the last two. */
function fromFormat1(fields: readonly unknown[]): Content {
  if (fields.length !== 6 && fields.length !== 8) throw new Error('not a content');
  const [timestampMicros, contentType, contentEncoding, clientId, meta, value, expires, idempotencyKey] = fields;
  const optional = [contentEncoding, clientId, meta, expires, idempotencyKey];
  return checked([timestampMicros, contentType, value], optional);
}

function checked(plain: readonly unknown[], optional: readonly unknown[]): Content {
  const [timestampMicros, contentType, value] = plain;
  const [contentEncoding, clientId, meta, expires, idempotencyKey] = optional;
  if (typeof timestampMicros !== 'number' || typeof contentType !== 'string' || !(value instanceof Uint8Array)) {
    throw new Error('not a content');
  }
  return {
    timestampMicros,
    contentType,
    contentEncoding: typeof contentEncoding === 'string' ? contentEncoding : undefined,
    clientId: typeof clientId === 'string' ? clientId : undefined,
    meta: Array.isArray(meta) ? (meta as [string, string][]) : undefined,
    value,
    expiresMicros: typeof expires === 'number' ? expires : undefined,
    idempotencyKey: typeof idempotencyKey === 'string' ? idempotencyKey : undefined,
  };
}

function countBits(flags: number): number {
  let count = 0;
  for (let left = flags; left !== 0; left &= left - 1) count += 1;
  return count;
}

/** Whether a packed content may have an optional field: nearly free to ask. */
function mayHave(body: Uint8Array, flag: number): boolean {
  const flags = body[1] ?? 0;
  return flags >= ONE_BYTE_FLAGS || (flags & flag) !== 0;
}

/**
 * When a packed content expires, µs since 1970; undefined where it never does, or is no content.
 * Nearly free for those.
 */
export function expiryOf(body: Uint8Array): number | undefined {
  return mayHave(body, FLAG.expiresMicros) ? peek(body)?.expiresMicros : undefined;
}

/** The idempotency key of a packed content, where it has one. */
export function idempotencyKeyOf(body: Uint8Array): string | undefined {
  return mayHave(body, FLAG.idempotencyKey) ? peek(body)?.idempotencyKey : undefined;
}

/**
 * Equal for two packed contents that are one write, sent twice: the same value under the same idempotency
 * key. Undefined without a key.
 */
export function writeNameOf(body: Uint8Array): string | undefined {
  const idempotencyKey = idempotencyKeyOf(body);
  return idempotencyKey === undefined ? undefined : `${digestOf(body)} ${idempotencyKey}`;
}

function peek(body: Uint8Array): Content | undefined {
  try {
    return unpackContent(body);
  } catch {
    return undefined;
  }
}

/** Equal for two packed contents that say the same, whenever and under whatever idempotency key they were written. */
export function digestOf(body: Uint8Array): string {
  const { contentType, contentEncoding, clientId, meta, value } = unpackContent(body);
  return hash64(pack([contentType, contentEncoding ?? null, clientId ?? null, meta ?? null, value])).toString(16);
}
