/**
 * The parts of the OpenAPI document that several operations share: parameters, headers, schemas,
 * and the answers to what failed.
 */
import { ERROR_KINDS, type ErrorCode } from '../base/errors.ts';
import { MAX_LIST_KEYS, MAX_TIMEOUT_MS } from '../core/limits.ts';
import { MAX_KEY_BYTES, MAX_TTL_SECONDS } from '../cluster/limits.ts';
import { MAX_CONDITION_TAGS, MAX_IDEMPOTENCY_KEY_CHARS, MAX_META_BYTES } from './limits.ts';

/** Any part of the document. */
export type DocumentPart = Readonly<Record<string, unknown>>;

/** A reference to a shared part. */
export const ref = (kind: string, name: string): DocumentPart => ({ $ref: `#/components/${kind}/${name}` });

/** References to shared parameters. */
export const parameters = (...names: readonly (keyof typeof PARAMETERS)[]): DocumentPart[] =>
  names.map((name) => ref('parameters', name));

const query = (name: string, description: string, schema: DocumentPart): DocumentPart => ({
  name,
  in: 'query',
  description,
  schema,
});
const header = (name: string, description: string, schema: DocumentPart = { type: 'string' }): DocumentPart => ({
  name,
  in: 'header',
  description,
  schema,
});
const whole = (minimum: number, maximum: number): DocumentPart => ({ type: 'integer', minimum, maximum });
const quorum: DocumentPart = { oneOf: [{ type: 'integer', minimum: 1 }, { enum: ['one', 'quorum', 'all'] }] };

/** Parameters by their names here. */
export const PARAMETERS = {
  key: {
    name: 'key',
    in: 'path',
    required: true,
    description: `1 to ${MAX_KEY_BYTES} bytes of UTF-8, percent-encoded; slashes may be left as they are.`,
    schema: { type: 'string', minLength: 1 },
  },
  name: { name: 'name', in: 'path', required: true, description: 'The name of a node.', schema: { type: 'string' } },
  r: query('r', 'How many replicas must answer a read.', quorum),
  w: query('w', 'How many disks must have a write.', quorum),
  pr: query('pr', 'How many owners must answer a read; a fallback does not count.', quorum),
  pw: query('pw', 'How many owners must have a write on disk.', quorum),
  timeout: query('timeout', 'How long to wait for them, in milliseconds.', whole(1, MAX_TIMEOUT_MS)),
  vtag: query('vtag', 'The ETag of one sibling: only that one is answered, with a token that covers only it.', {
    type: 'string',
  }),
  raw: query(
    'raw',
    'Of a single value, X-Mec-Content-Encoding tells the coding, and not Content-Encoding: ' +
      'so nothing on the way decodes it.',
    { type: 'boolean', default: false },
  ),
  returnbody: query('returnbody', 'Answer as a read would be answered.', { type: 'boolean', default: false }),
  prefix: query('prefix', 'Only keys that begin with this.', { type: 'string' }),
  after: query('after', 'Only keys after this one, in the order of their bytes.', { type: 'string' }),
  limit: query(
    'limit',
    `How many keys at most; without it ${MAX_LIST_KEYS}, and in a stream all.`,
    whole(1, MAX_LIST_KEYS),
  ),
  vclock: header('X-Mec-Vclock', 'What the writer has seen: the token of an earlier answer for this key.'),
  seen: header('X-Mec-Seen', 'Values of X-Mec-Dot, separated by commas: the answer must know of these writes.'),
  gone: header(
    'X-Mec-Gone',
    'Tokens of answers that found nothing, separated by commas: the answer shows nothing that they cover.',
  ),
  clientId: header('X-Mec-Client-ID', 'Recorded with the version and returned.'),
  meta: header('X-Mec-Meta-*', `Metadata, returned as it came; ${MAX_META_BYTES} bytes together.`),
  ttl: header('X-Mec-TTL', 'After how many seconds the version expires.', whole(1, MAX_TTL_SECONDS)),
  expires: header('X-Mec-Expires', 'When the version expires, as an HTTP date. Not together with X-Mec-TTL.'),
  ifMatch: header(
    'If-Match',
    `Only if the ETag of what there is is one of these (${MAX_CONDITION_TAGS} at most); * for anything. ` +
      'A write replaces what it matched.',
  ),
  ifNoneMatch: header('If-None-Match', 'Only if the ETag of what there is is none of these; * for nothing at all.'),
  ifModifiedSince: header('If-Modified-Since', 'Only if it was written after this HTTP date.'),
  ifUnmodifiedSince: header('If-Unmodified-Since', 'Only if it was not written after this HTTP date. Not for writes.'),
  range: header('Range', 'One range of bytes of a single value.'),
  ifRange: header('If-Range', 'The range only if the ETag or the date is still this; else the whole.'),
  accept: header('Accept', 'The form of siblings, or of a listing.'),
  idempotencyKey: header(
    'Idempotency-Key',
    'A write with the same key and value is made once, however often it is sent.',
    { type: 'string', minLength: 1, maxLength: MAX_IDEMPOTENCY_KEY_CHARS },
  ),
  writeId: header(
    'X-Mec-Write-ID',
    'Names a write: where one with the same name was stored twice, readers see it once.',
    { type: 'string', minLength: 1, maxLength: MAX_IDEMPOTENCY_KEY_CHARS },
  ),
  contentDigest: header('Content-Digest', 'sha-256 or sha-512 of the body (RFC 9530); it is verified.'),
} as const satisfies Record<string, DocumentPart>;

const sent = (description: string, schema: DocumentPart = { type: 'string' }): DocumentPart => ({
  description,
  schema,
});

/** Headers of answers by name. */
const HEADERS = {
  'X-Mec-Vclock': sent('A token: what whoever has this answer has seen.'),
  'X-Mec-Dot': sent('Names this one write, for ever.'),
  ETag: sent('Names exactly these versions.'),
  'Last-Modified': sent('When the version was written, by the clock of the node that took it.'),
  'X-Mec-Timestamp': sent('The same in nanoseconds since 1970.', { type: 'string', pattern: '^\\d+$' }),
  'X-Mec-Expires': sent('When the version expires.'),
  'X-Mec-Client-ID': sent('As it was written.'),
  'Content-Encoding': sent('As it was written.'),
  'X-Mec-Content-Encoding': sent('The same, where the reader wants the bytes as they are stored (raw).'),
  'X-Mec-Meta-*': sent('Metadata, as it was written.'),
  'X-Mec-Siblings': sent('How many versions there are, where there are several.', { type: 'integer', minimum: 2 }),
  'X-Mec-Repeated': sent('There, and true, where this very write had been made before.'),
  'Content-Range': sent('Which bytes of how many.'),
  Location: sent('The path of the new key.'),
  'Cache-Control': sent('Nobody may answer from a copy without asking.'),
  Vary: sent('The form depends on Accept.'),
  Allow: sent('The methods that there are.'),
  'Retry-After': sent('After how many seconds to try again.', { type: 'integer' }),
} as const satisfies Record<string, DocumentPart>;

/** A header of an answer. */
export type DocumentedHeader = keyof typeof HEADERS;

const string: DocumentPart = { type: 'string' };

/** Schemas by name. */
export const SCHEMAS: Readonly<Record<string, DocumentPart>> = {
  Problem: {
    type: 'object',
    description: 'What went wrong (RFC 9457).',
    required: ['type', 'title', 'status', 'detail', 'code'],
    properties: {
      type: string,
      title: string,
      status: { type: 'integer' },
      detail: string,
      code: { type: 'string', enum: Object.keys(ERROR_KINDS) },
      parameter: { type: 'string', description: 'Which parameter or header it is about.' },
      limit: { type: 'integer', description: 'What is not to be exceeded.' },
      have: { type: 'integer', description: 'How many answered.' },
      need: { type: 'integer', description: 'How many must.' },
      retryAfter: { type: 'integer', description: 'After how many seconds to try again.' },
    },
  },
  Keys: {
    type: 'object',
    required: ['keys', 'next'],
    properties: {
      keys: { type: 'array', items: string },
      next: { type: ['string', 'null'], description: 'The `after` of the next page; null where there is none.' },
    },
  },
  Siblings: {
    type: 'object',
    required: ['siblings'],
    properties: {
      siblings: {
        type: 'array',
        description: 'Newest first.',
        items: {
          type: 'object',
          required: ['etag', 'dot', 'timestamp', 'contentType', 'meta', 'encoding', 'value'],
          properties: {
            etag: string,
            dot: string,
            timestamp: { type: 'string', description: 'Nanoseconds since 1970.' },
            contentType: string,
            contentEncoding: string,
            clientId: string,
            expires: { type: 'string', description: 'Nanoseconds since 1970.' },
            meta: { type: 'object', additionalProperties: string },
            encoding: { enum: ['json', 'utf8', 'base64'] },
            value: { description: 'The value itself (json), its text (utf8), or its bytes (base64).' },
          },
        },
      },
    },
  },
  Location: {
    type: 'object',
    required: ['key', 'partition', 'entries'],
    properties: { key: string, partition: { type: 'integer' }, entries: { type: 'array', items: { type: 'object' } } },
  },
  Member: { type: 'object', required: ['name', 'state'], properties: { name: string, state: string } },
  Status: { type: 'object', required: ['name', 'version'], properties: { name: string, version: string } },
};

/** The headers that problems of a status may bear, whatever was asked for. */
const PROBLEM_HEADERS: Readonly<Record<number, readonly DocumentedHeader[]>> = { 503: ['Retry-After'] };

/** The answers to what may fail with these codes, by status; `headers` names by status the headers that they bear. */
export function problems(
  codes: readonly ErrorCode[],
  headers: Readonly<Record<number, DocumentPart>> = {},
): DocumentPart {
  const byStatus: Record<string, DocumentPart> = {};
  for (const status of new Set(codes.map((code) => ERROR_KINDS[code].status))) {
    const here = codes.filter((code) => ERROR_KINDS[code].status === status);
    byStatus[status] = {
      description: here.map((code) => `${code}: ${ERROR_KINDS[code].title}.`).join(' '),
      headers: { ...headersOf([], PROBLEM_HEADERS[status]), ...headers[status] },
      content: {
        'application/problem+json': {
          schema: { allOf: [ref('schemas', 'Problem'), { properties: { code: { enum: here } } }] },
        },
      },
    };
  }
  const schema = ref('schemas', 'Problem');
  const anyOther = {
    description: 'Anything else that went wrong; a method that there is not (405) among it.',
    headers: headersOf([], ['Allow', 'Retry-After']),
    content: { 'application/problem+json': { schema } },
  };
  return { ...byStatus, default: anyOther };
}

/**
 * The shared headers: each as one that is always there where it is referred to, and as one that is
 * there only where it has something to tell.
 */
export const HEADER_COMPONENTS: DocumentPart = Object.fromEntries(
  Object.entries(HEADERS).flatMap(([name, described]) => [
    [componentOf(name), { ...described, required: true }],
    [componentOf(name, 'sometimes'), { ...described, required: false }],
  ]),
);

function componentOf(name: string, when?: 'sometimes'): string {
  const plain = name.replace('*', 'any');
  return when === undefined ? plain : `${plain}.${when}`;
}

/** References to shared headers: to those that an answer always has, and those that it has sometimes. */
export function headersOf(
  always: readonly DocumentedHeader[],
  sometimes: readonly DocumentedHeader[] = [],
): DocumentPart {
  return Object.fromEntries([
    ...always.map((name) => [name, ref('headers', componentOf(name))]),
    ...sometimes.map((name) => [name, ref('headers', componentOf(name, 'sometimes'))]),
  ]) as DocumentPart;
}
