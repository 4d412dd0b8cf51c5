/**
 * The parts of the OpenAPI document that several operations share: parameters, schemas, and error
 * answers.
 */
import { ERROR_KINDS, type ErrorCode } from '../base/errors.ts';
import {
  MAX_IDEMPOTENCY_KEY_CHARS,
  MAX_KEY_BYTES,
  MAX_LIST_KEYS,
  MAX_TIMEOUT_MS,
  MAX_TTL_SECONDS,
} from '../core/limits.ts';
import { MAX_CLIENT_ID_BYTES, MAX_CONDITION_TAGS, MAX_META_BYTES } from './limits.ts';
import { TOP_ORDERS } from '../cluster/insight/top.ts';
import { OPERATOR_SCHEMAS } from './openapi-operators.ts';
import { type DocumentedHeader, headersOf } from './openapi-headers.ts';
import { type DocumentPart, ref } from './openapi-ref.ts';

/** References to shared parameters. */
export const parameters = (...names: readonly (keyof typeof PARAMETERS)[]): DocumentPart[] =>
  names.map((name) => ref('parameters', name));

const query = (name: string, description: string, schema: DocumentPart): DocumentPart => ({
  name,
  in: 'query',
  description,
  schema,
});
const header = (
  name: string,
  description: string,
  schema: DocumentPart = { type: 'string' },
): DocumentPart => ({
  name,
  in: 'header',
  description,
  schema,
});
const whole = (minimum: number, maximum: number): DocumentPart => ({
  type: 'integer',
  minimum,
  maximum,
});
const quorum: DocumentPart = {
  oneOf: [{ type: 'integer', minimum: 1 }, { enum: ['one', 'quorum', 'all'] }],
};

/** Parameters by their names in this file. */
export const PARAMETERS = {
  key: {
    name: 'key',
    in: 'path',
    required: true,
    description: `1 to ${MAX_KEY_BYTES} bytes of UTF-8, percent-encoded; slashes need no encoding.`,
    schema: { type: 'string', minLength: 1 },
  },
  name: {
    name: 'name',
    in: 'path',
    required: true,
    description: 'The name of a node.',
    schema: { type: 'string' },
  },
  address: {
    name: 'address',
    in: 'path',
    required: true,
    description: 'HOST:PORT of a node, where PORT is its `port`; brackets around an IPv6 address.',
    schema: { type: 'string' },
  },
  token: query('token', 'The token of a write whose effect is predicted; none by default.', {
    type: 'string',
  }),
  by: query('by', 'The order of the keys; `reads` by default.', {
    type: 'string',
    enum: TOP_ORDERS,
  }),
  r: query('r', 'The number of replicas that must answer a read.', quorum),
  w: query('w', 'The number of disks that must have a write.', quorum),
  pr: query('pr', 'The number of owners that must answer a read; fallbacks do not count.', quorum),
  pw: query('pw', 'The number of owners that must have a write on disk.', quorum),
  timeout: query(
    'timeout',
    'The time limit for the answers, in milliseconds.',
    whole(1, MAX_TIMEOUT_MS),
  ),
  vtag: query(
    'vtag',
    'The ETag of one sibling: the answer has only that one, with a token that includes only it.',
    {
      type: 'string',
    },
  ),
  raw: query(
    'raw',
    'The coding of a single value is in X-Mec-Content-Encoding instead of Content-Encoding, ' +
      'so that no client or proxy decodes it.',
    { type: 'boolean', default: false },
  ),
  replace: query(
    'replace',
    'Replace all versions that a read with r sees now. Not with X-Mec-Vclock, If-Match, ' +
      'If-None-Match or Idempotency-Key.',
    { type: 'boolean', default: false },
  ),
  returnbody: query('returnbody', 'Answer like a read.', { type: 'boolean', default: false }),
  prefix: query('prefix', 'Only keys with this prefix.', { type: 'string' }),
  after: query('after', 'Only keys after this one, in the order of their bytes.', {
    type: 'string',
  }),
  count: query('count', 'Count the keys, their values and bytes. Not with after or limit.', {
    type: 'boolean',
    default: false,
  }),
  limit: query(
    'limit',
    `The largest number of keys. Default ${MAX_LIST_KEYS}; a stream has all by default.`,
    whole(1, MAX_LIST_KEYS),
  ),
  vclock: header(
    'X-Mec-Vclock',
    'The context that the writer has seen: the token of an earlier answer for this key.',
  ),
  seen: header(
    'X-Mec-Seen',
    'Values of X-Mec-Dot, separated by commas. The answer must include these writes.',
  ),
  gone: header(
    'X-Mec-Gone',
    'Tokens of answers without a value, separated by commas. The answer has no version that they include.',
  ),
  clientId: header('X-Mec-Client-ID', 'Recorded with the version and returned.', {
    type: 'string',
    maxLength: MAX_CLIENT_ID_BYTES,
  }),
  meta: header(
    'X-Mec-Meta-*',
    `Metadata, returned unchanged; at most ${MAX_META_BYTES} bytes in all.`,
  ),
  ttl: header(
    'X-Mec-TTL',
    'The number of seconds after which the version expires.',
    whole(1, MAX_TTL_SECONDS),
  ),
  expires: header(
    'X-Mec-Expires',
    'The HTTP date at which the version expires. Not together with X-Mec-TTL.',
  ),
  ifMatch: header(
    'If-Match',
    `Only if the current ETag is one of these (at most ${MAX_CONDITION_TAGS}); * for any. ` +
      'A write replaces the versions that it matched.',
  ),
  ifNoneMatch: header(
    'If-None-Match',
    'Only if the current ETag is none of these; * for no value at all.',
  ),
  ifModifiedSince: header(
    'If-Modified-Since',
    'Only if the value was written after this HTTP date.',
  ),
  ifUnmodifiedSince: header(
    'If-Unmodified-Since',
    'Only if the value was not written after this HTTP date. Not for writes.',
  ),
  range: header('Range', 'One range of bytes of a single value.'),
  ifRange: header(
    'If-Range',
    'The range, if this is still the ETag; else the whole value. A date is too coarse.',
  ),
  accept: header('Accept', 'The form of siblings, of a listing, or of metrics.'),
  idempotencyKey: header(
    'Idempotency-Key',
    'A write with the same Idempotency-Key and value is made once, even if it is sent several times.',
    { type: 'string', minLength: 1, maxLength: MAX_IDEMPOTENCY_KEY_CHARS },
  ),
  writeId: header(
    'X-Mec-Write-ID',
    'Names a write. If two versions have the same name and value, readers see one.',
    {
      type: 'string',
      minLength: 1,
      maxLength: MAX_IDEMPOTENCY_KEY_CHARS,
    },
  ),
  contentDigest: header(
    'Content-Digest',
    'The sha-256 or sha-512 of the body (RFC 9530), which the node verifies.',
  ),
} as const satisfies Record<string, DocumentPart>;

const string: DocumentPart = { type: 'string' };

/** Schemas by name. */
export const SCHEMAS: Readonly<Record<string, DocumentPart>> = {
  Problem: {
    type: 'object',
    description: 'An error (RFC 9457).',
    required: ['type', 'title', 'status', 'detail', 'code'],
    properties: {
      type: string,
      title: string,
      status: { type: 'integer' },
      detail: string,
      code: { type: 'string', enum: Object.keys(ERROR_KINDS) },
      parameter: { type: 'string', description: 'The parameter or header at fault.' },
      reason: {
        type: 'string',
        enum: ['unsigned', 'unknown-key', 'forged'],
        description: 'The fault in the signature of a token.',
      },
      limit: { type: 'integer', description: 'The limit that was exceeded.' },
      have: { type: 'integer', description: 'The number that answered.' },
      need: { type: 'integer', description: 'The number that must answer.' },
      retryAfter: { type: 'integer', description: 'The number of seconds to wait before a retry.' },
      mayTakeEffect: {
        type: 'boolean',
        description:
          'For a write: whether it may have taken effect, or still may. Absent for a read.',
      },
    },
  },
  Keys: {
    type: 'object',
    required: ['keys', 'next'],
    properties: {
      keys: { type: 'array', items: string },
      next: {
        type: ['string', 'null'],
        description: 'The `after` of the next page; null on the last page.',
      },
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
            value: {
              description: 'The value itself (json), its text (utf8), or its bytes (base64).',
            },
          },
        },
      },
    },
  },
  Location: {
    type: 'object',
    required: ['key', 'partition', 'entries'],
    properties: {
      key: string,
      partition: { type: 'integer' },
      entries: { type: 'array', items: { type: 'object' } },
    },
  },
  ...OPERATOR_SCHEMAS,
  Member: {
    type: 'object',
    required: ['name', 'state'],
    properties: { name: string, state: string },
  },
  Status: {
    type: 'object',
    required: ['name', 'version'],
    properties: { name: string, version: string },
  },
};

/** Optional headers of problem documents, by status. */
const PROBLEM_HEADERS: Readonly<Record<number, readonly DocumentedHeader[]>> = {
  503: ['Retry-After'],
};

/** The answers for these error codes, by status. `headers` adds headers by status. */
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
    description: 'Any other error, such as a method that the path does not support (405).',
    headers: headersOf([], ['Allow', 'Retry-After']),
    content: { 'application/problem+json': { schema } },
  };
  return { ...byStatus, default: anyOther };
}
