/**
 * The content of a version: what a user wrote, with what must be kept beside it. It is packed once, by the
 * coordinator, and travels and rests as opaque bytes: replicas never look inside.
 */
import { pack, unpackForeign } from '../base/msgpack.ts';

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
}

/** The packed form: msgpack `[timestamp, type, encoding, client, meta, value]`. */
export function packContent(content: Content): Uint8Array {
  const { timestampMicros, contentType, contentEncoding, clientId, meta, value } = content;
  return pack([timestampMicros, contentType, contentEncoding ?? null, clientId ?? null, meta ?? null, value]);
}

/** The content of packed bytes; the value is a view on them. Throws where the bytes are not a content. */
export function unpackContent(bytes: Uint8Array): Content {
  const fields = unpackForeign(bytes);
  if (!Array.isArray(fields) || fields.length !== 6) throw new Error('not a content');
  const [timestampMicros, contentType, contentEncoding, clientId, meta, value] = fields as unknown[];
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
  };
}
