/**
 * The content of a version: the user's value with its type, time and metadata. The coordinator
 * packs it once. It then travels and rests as opaque bytes, and replicas read only its expiry.
 */
import { hash64 } from '../../base/hash.ts';
import { pack, unpackForeign } from '../../base/msgpack.ts';

/** A value as a user wrote it. */
export interface Content {
  readonly value: Uint8Array;
  readonly contentType: string;
  readonly contentEncoding?: string | undefined;
  /** The time at which the coordinator took the write, µs since 1970. */
  readonly timestampMicros: number;
  /** The header `X-Mec-Client-ID`: recorded, but never part of causality. */
  readonly clientId?: string | undefined;
  /** The headers `X-Mec-Meta-*`: lower-case name without the prefix, and value. */
  readonly meta?: readonly (readonly [string, string])[] | undefined;
  /** The time from which no reader sees the version, µs since 1970. */
  readonly expiresMicros?: number | undefined;
  /**
   * The header `Idempotency-Key` or `X-Mec-Write-ID`. Two versions with the same one and the same
   * digest are one write that was sent twice.
   */
  readonly idempotencyKey?: string | undefined;
  /** Fields of a later software version, with their flags, kept unchanged. */
  readonly later?: { readonly flags: number; readonly fields: readonly unknown[] } | undefined;
}

/** The optional fields, in packed order. A new field goes to the end. */
const OPTIONAL = [
  'contentEncoding',
  'clientId',
  'meta',
  'expiresMicros',
  'idempotencyKey',
] as const;
const FLAG = {
  contentEncoding: 1,
  clientId: 2,
  meta: 4,
  expiresMicros: 8,
  idempotencyKey: 16,
} as const;
const KNOWN_FLAGS = 31;
const PLAIN_FIELDS = 4;
/** Flags below this are one byte of msgpack, the second byte of a packed content. */
const ONE_BYTE_FLAGS = 0x80;

/**
 * Packs a content as msgpack `[flags, timestamp, type, value, …]`, followed by one field for each
 * flag.
 */
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

/** Unpacks a content. The value is a view of `bytes`. Throws if the bytes are not a content. */
export function unpackContent(bytes: Uint8Array): Content {
  const fields = unpackForeign(bytes);
  if (!Array.isArray(fields)) throw new Error('The bytes are not a packed content');
  const [flags, timestampMicros, contentType, value, ...rest] = fields as unknown[];
  // Format 1 began with the timestamp and the type.
  if (typeof timestampMicros === 'string') return fromFormat1(fields);
  const areFlags =
    typeof flags === 'number' && Number.isInteger(flags) && flags >= 0 && flags < 2 ** 31;
  if (!areFlags) throw new Error('The bytes are not a packed content');
  if (fields.length !== PLAIN_FIELDS + countBits(flags))
    throw new Error('The bytes are not a packed content');
  let next = 0;
  const known = OPTIONAL.map((name) => ((flags & FLAG[name]) === 0 ? undefined : rest[next++]));
  const laterFlags = flags & ~KNOWN_FLAGS;
  const content = checked([timestampMicros, contentType, value], known);
  return laterFlags === 0
    ? content
    : { ...content, later: { flags: laterFlags, fields: rest.slice(next) } };
}

/** The values that a header of HTTP may have. */
const HEADER_VALUE = /^[\t\x20-\x7e\x80-\xff]*$/;
/** The end of a header's name, after the prefix of all metadata. */
const HEADER_NAME = /^[\w!#$%&'*+.^`|~-]*$/;

/**
 * Unpacks a content for a reader. Undefined if the bytes are not a content, or if an answer of HTTP
 * cannot have its texts or times. No client can have written it.
 */
export function readContent(bytes: Uint8Array): Content | undefined {
  const content = peek(bytes);
  return content !== undefined && isServable(content) ? content : undefined;
}

function isServable(content: Content): boolean {
  const { contentType, contentEncoding, clientId, meta, timestampMicros, expiresMicros } = content;
  return (
    isValue(contentType) &&
    isAbsentOr(contentEncoding, isValue) &&
    isAbsentOr(clientId, isValue) &&
    isAbsentOr(meta, areMeta) &&
    isTime(timestampMicros) &&
    isAbsentOr(expiresMicros, isTime)
  );
}

const isAbsentOr = <Value>(value: Value | undefined, fits: (value: Value) => boolean): boolean =>
  value === undefined || fits(value);

const isValue = (text: string): boolean => HEADER_VALUE.test(text);

const isTime = (micros: number): boolean => Number.isSafeInteger(micros) && micros >= 0;

const areMeta = (meta: readonly unknown[]): boolean =>
  meta.every((pair) => {
    const [name, value] = Array.isArray(pair) ? (pair as unknown[]) : [];
    const areTexts = typeof name === 'string' && typeof value === 'string';
    return areTexts && HEADER_NAME.test(name) && HEADER_VALUE.test(value);
  });

/** Store format 1 had six fields, or eight if one of the last two was set. */
function fromFormat1(fields: readonly unknown[]): Content {
  if (fields.length !== 6 && fields.length !== 8)
    throw new Error('The bytes are not a packed content');
  const [
    timestampMicros,
    contentType,
    contentEncoding,
    clientId,
    meta,
    value,
    expires,
    idempotencyKey,
  ] = fields;
  const optional = [contentEncoding, clientId, meta, expires, idempotencyKey];
  return checked([timestampMicros, contentType, value], optional);
}

function checked(plain: readonly unknown[], optional: readonly unknown[]): Content {
  const [timestampMicros, contentType, value] = plain;
  const [contentEncoding, clientId, meta, expires, idempotencyKey] = optional;
  if (
    typeof timestampMicros !== 'number' ||
    typeof contentType !== 'string' ||
    !(value instanceof Uint8Array)
  ) {
    throw new Error('The bytes are not a packed content');
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

/** Whether a packed content may have an optional field. Reads one byte. */
function mayHave(body: Uint8Array, flag: number): boolean {
  const flags = body[1] ?? 0;
  return flags >= ONE_BYTE_FLAGS || (flags & flag) !== 0;
}

/**
 * The expiry of a packed content, µs since 1970; undefined if it has none or is not a content.
 * Unpacks only if the flag is set.
 */
export function expiryOf(body: Uint8Array): number | undefined {
  return mayHave(body, FLAG.expiresMicros) ? peek(body)?.expiresMicros : undefined;
}

/** The time of a packed content, µs since 1970; 0 if it is not a content. */
export const timestampOf = (body: Uint8Array): number => peek(body)?.timestampMicros ?? 0;

/** The Idempotency-Key of a packed content; undefined if it has none. */
export function idempotencyKeyOf(body: Uint8Array): string | undefined {
  return mayHave(body, FLAG.idempotencyKey) ? peek(body)?.idempotencyKey : undefined;
}

/**
 * A name that is equal for two packed contents if they are one write that was sent twice: the same
 * value under the same Idempotency-Key. Undefined without that key.
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

/**
 * A hash of the value, type, encoding, client and metadata of a packed content, but not of times or
 * Idempotency-Key.
 */
export function digestOf(body: Uint8Array): string {
  const { contentType, contentEncoding, clientId, meta, value } = unpackContent(body);
  return hash64(
    pack([contentType, contentEncoding ?? null, clientId ?? null, meta ?? null, value]),
  ).toString(16);
}
