/** Several versions of one key in one answer: as multipart or as JSON. */
import { bytesToUtf8, utf8ToBytes } from '../base/bytes.ts';
import type { Content } from '../core/value/content.ts';
import { formatDot } from '../core/causality/dot.ts';
import { etagOf } from '../core/value/etag.ts';
import { isJsonType } from '../core/value/media-type.ts';
import { compareDots, type ObjectVersion } from '../core/causality/object.ts';
import { preferred } from './accept.ts';
import { addContentHeaders, microsToNanos } from './content-headers.ts';
import { boundaryOf, toMultipart } from './multipart.ts';

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

/** A form of several siblings. */
export interface SiblingForm {
  readonly type: (typeof SIBLING_TYPES)[number];
  /** The suffix of its entity tag, by name; undefined for the usual form. */
  readonly suffix: Exclude<(typeof SIBLING_TYPES)[number], 'multipart/mixed'> | undefined;
}

/** The form that `Accept` prefers. */
export function formOf(accept: string | undefined): SiblingForm {
  const type = preferred(accept, SIBLING_TYPES) as SiblingForm['type'];
  return { type, suffix: type === 'multipart/mixed' ? undefined : type };
}

/** The siblings in a form. Those with the same tag have the same bytes, at every node. */
export function renderSiblings(
  siblings: readonly ObjectVersion<Content>[],
  type: SiblingForm['type'],
  tag: string,
): RenderedSiblings {
  if (type === 'application/json') return { type, body: toJson(siblings) };
  const parts = siblings.map((sibling) => ({
    headers: addContentHeaders({}, sibling),
    body: sibling.body.value,
  }));
  const boundary = boundaryOf(parts, `mec-${tag.slice(1, 17)}`);
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
    contentType: asText(contentType),
    contentEncoding,
    clientId: clientId === undefined ? undefined : asText(clientId),
    expires: expiresMicros === undefined ? undefined : microsToNanos(expiresMicros),
    meta: Object.fromEntries((meta ?? []).map(([name, text]) => [name, asText(text)])),
  });
  return `${head.slice(0, -1)},${valueToJson(sibling.body)}}`;
}

/** The text of a header. Its bytes arrived as one character each, and are mostly UTF-8. */
const asText = (header: string): string => bytesToUtf8(Buffer.from(header, 'latin1')) ?? header;

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
