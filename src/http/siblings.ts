/** Several versions of one key in one answer: as multipart or as JSON. */
import { bytesToUtf8, utf8ToBytes } from '../base/bytes.ts';
import type { Random } from '../base/env.ts';
import { drawName } from '../core/causality/actor.ts';
import type { Content } from '../core/value/content.ts';
import { formatDot } from '../core/causality/dot.ts';
import { etagOf } from '../core/value/etag.ts';
import { isJsonType } from '../core/value/media-type.ts';
import { compareDots, type ObjectVersion } from '../core/causality/object.ts';
import { preferred } from './accept.ts';
import { addContentHeaders, microsToNanos } from './content-headers.ts';
import { toMultipart } from './multipart.ts';

/**
 * The available forms, the default first. `mime/multipart` is the type that the first MecDB used.
 */
const SIBLING_TYPES = ['multipart/mixed', 'mime/multipart', 'application/json'] as const;

/** A body and its type. */
export interface RenderedSiblings {
  readonly type: string;
  readonly body: Uint8Array;
}

/** Sorts siblings by time, newest first. The order is the same on every node. */
export function newestFirst(siblings: ObjectVersion<Content>[]): ObjectVersion<Content>[] {
  return siblings.sort(
    (a, b) => b.body.timestampMicros - a.body.timestampMicros || compareDots(b, a),
  );
}

/** The siblings in the form that `Accept` prefers. */
export function renderSiblings(
  siblings: readonly ObjectVersion<Content>[],
  accept: string | undefined,
  random: Random,
): RenderedSiblings {
  const type = preferred(accept, SIBLING_TYPES);
  if (type === 'application/json') return { type, body: toJson(siblings) };
  const boundary = `mec-${drawName(random)}`;
  const parts = siblings.map((sibling) => ({
    headers: addContentHeaders({}, sibling),
    body: sibling.body.value,
  }));
  return { type: `${type}; boundary=${boundary}`, body: toMultipart(parts, boundary) };
}

function toJson(siblings: readonly ObjectVersion<Content>[]): Uint8Array {
  return utf8ToBytes(`{"siblings":[${siblings.map(siblingToJson).join(',')}]}\n`);
}

function siblingToJson(sibling: ObjectVersion<Content>): string {
  const { timestampMicros, contentType, contentEncoding, clientId, meta, expiresMicros } =
    sibling.body;
  const head = JSON.stringify({
    etag: etagOf([sibling]),
    dot: formatDot(sibling),
    timestamp: microsToNanos(timestampMicros),
    contentType,
    contentEncoding,
    clientId,
    expires: expiresMicros === undefined ? undefined : microsToNanos(expiresMicros),
    meta: Object.fromEntries(meta ?? []),
  });
  return `${head.slice(0, -1)},${valueToJson(sibling.body)}}`;
}

/** JSON is kept digit for digit, other text becomes a string, and the rest base64. */
function valueToJson({ value, contentType, contentEncoding }: Content): string {
  const text = contentEncoding === undefined ? bytesToUtf8(value) : undefined;
  if (text === undefined)
    return `"encoding":"base64","value":"${Buffer.from(value).toString('base64')}"`;
  if (isJsonType(contentType) && isJson(text)) {
    return `"encoding":"json","value":${text}`;
  }
  return `"encoding":"utf8","value":${JSON.stringify(text)}`;
}

function isJson(text: string): boolean {
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
}
