/**
 * The content of a version: what a user wrote, with what must be kept beside it. It is packed once, by the
 * coordinator, and travels and rests as opaque bytes: replicas look at nothing in it but the time at which it expires.
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
}

const PLAIN_FIELDS = 6;
const ALL_FIELDS = 8;
/** The first byte of a msgpack array of that many fields. */
const ALL_FIELDS_HEAD = 0x90 + ALL_FIELDS;

/**
 * The packed form: msgpack `[timestamp, type, encoding, client, meta, value]`, and
 * `expires, idempotency key` where there is either.
 */
export function packContent(content: Content): Uint8Array {
  const { timestampMicros, contentType, contentEncoding, clientId, meta, value } = content;
  const plain = [timestampMicros, contentType, contentEncoding ?? null, clientId ?? null, meta ?? null, value];
  const { expiresMicros, idempotencyKey } = content;
  if (expiresMicros === undefined && idempotencyKey === undefined) return pack(plain);
  return pack([...plain, expiresMicros ?? null, idempotencyKey ?? null]);
}

/** The content of packed bytes; the value is a view on them. Throws where the bytes are not a content. */
export function unpackContent(bytes: Uint8Array): Content {
  const fields = unpackForeign(bytes);
  if (!Array.isArray(fields) || (fields.length !== PLAIN_FIELDS && fields.length !== ALL_FIELDS)) {
    throw new Error('not a content');
  }
  const [timestampMicros, contentType, contentEncoding, clientId, meta, value, expires, idempotencyKey] =
    fields as unknown[];
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

/**
 * When a packed content expires, µs since 1970; undefined where it never does, or is no content.
 * Nearly free for those.
 */
export function expiryOf(body: Uint8Array): number | undefined {
  return body[0] === ALL_FIELDS_HEAD ? peek(body)?.expiresMicros : undefined;
}

/** The idempotency key of a packed content, where it has one. */
export function idempotencyKeyOf(body: Uint8Array): string | undefined {
  return body[0] === ALL_FIELDS_HEAD ? peek(body)?.idempotencyKey : undefined;
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
