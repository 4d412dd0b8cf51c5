/** The OpenAPI 3.1 document of the server. A test checks the server's answers against it. */
import type { ErrorCode } from '../base/errors.ts';
import { batch, BATCH_SCHEMAS } from './openapi-batch.ts';
import { HEALTH, METRICS } from './openapi-insight.ts';
import { ask, json, KEY, located, post } from './openapi-operations.ts';
import { SECURITY_PATHS, SECURITY_SCHEMAS } from './openapi-security.ts';
import {
  type DocumentedHeader,
  GUARDS,
  HEADER_COMPONENTS,
  headersOf,
  VALUE_GUARDS,
} from './openapi-headers.ts';
import { PARAMETERS, parameters, problems, SCHEMAS } from './openapi-parts.ts';
import type { DocumentPart } from './openapi-ref.ts';
import { type NeedsByMethod, needOf, type RoutePath, ROUTES } from './route-table.ts';

const bytes: DocumentPart = { '*/*': { schema: { type: 'string', format: 'binary' } } };
const text: DocumentPart = { 'text/plain; charset=utf-8': { schema: { type: 'string' } } };
const multipart: DocumentPart = { schema: { type: 'string', format: 'binary' } };

const ofValue = [
  'X-Mec-Vclock',
  'ETag',
  'Last-Modified',
  'X-Mec-Timestamp',
  'X-Mec-Dot',
  'Cache-Control',
  'Vary',
  'Accept-Ranges',
] as const;
/** Headers that are present if the writer has set them, or if the value is not empty. */
const kept = [
  ...VALUE_GUARDS,
  'X-Mec-Expires',
  'X-Mec-Client-ID',
  'X-Mec-Meta-*',
  'Content-Encoding',
  'X-Mec-Content-Encoding',
] as const;
const ofSiblings = ['X-Mec-Vclock', 'ETag', 'X-Mec-Siblings', 'Vary'] as const;
const ofWrite = ['X-Mec-Vclock', 'X-Mec-Dot'] as const;
/** Optional headers of the answer to a write; the last group only with `returnbody`. */
const besides: readonly DocumentedHeader[] = [
  ...(['ETag', 'X-Mec-Siblings', 'X-Mec-Repeated'] as const),
  ...(['Last-Modified', 'X-Mec-Timestamp', 'Cache-Control', 'Vary', 'Accept-Ranges'] as const),
  ...kept,
];
const known = headersOf([], ['X-Mec-Vclock']);
const anySibling = {
  headers: headersOf(ofSiblings),
  content: { 'multipart/mixed': multipart, 'mime/multipart': multipart, ...json('Siblings') },
};
const siblingsWritten = { ...anySibling, headers: headersOf(ofSiblings, ['X-Mec-Repeated']) };

const oneValue = { headers: headersOf(ofValue, kept), content: bytes };
/** The errors of any request. */
const ANY: readonly ErrorCode[] = ['bad-request', 'wrong-host', 'headers-too-large', 'overloaded'];
const QUORUM: readonly ErrorCode[] = ['not-ready', 'quorum-not-met', 'timeout'];
const DISK: readonly ErrorCode[] = ['disk-full', 'disk-failed', 'stopping', 'damaged'];
const OWNER: readonly ErrorCode[] = ['contended', 'unreachable'];
const BODY: readonly ErrorCode[] = ['digest-mismatch', 'request-timeout', 'value-too-large'];
const WRITE: readonly ErrorCode[] = [
  'cross-origin',
  'bad-vclock',
  'precondition-failed',
  ...OWNER,
  ...QUORUM,
  ...DISK,
  ...ANY,
];

/** The operation with the headers that each answer with a body has. */
function guarded(operation: DocumentPart): DocumentPart {
  const responses = Object.entries(operation['responses'] as Record<string, DocumentPart>).map(
    ([status, response]) => {
      const headers = { ...headersOf(GUARDS), ...(response['headers'] as DocumentPart) };
      return [status, 'content' in response ? { ...response, headers } : response];
    },
  );
  return { ...operation, responses: Object.fromEntries(responses) as DocumentPart };
}

/** Answers to a range, which HEAD ignores. */
const OF_RANGES: readonly string[] = ['206', '416'];

/** The same operation, without a body in its answers. */
function headOf(get: DocumentPart): DocumentPart {
  const responses = Object.entries(guarded(get)['responses'] as Record<string, DocumentPart>)
    .filter(([status]) => !OF_RANGES.includes(status))
    .map(([status, { description, headers }]) => [
      status,
      headers === undefined ? { description } : { description, headers },
    ]);
  return {
    ...get,
    operationId: `${String(get['operationId'])}Head`,
    responses: Object.fromEntries(responses) as DocumentPart,
  };
}

const read: DocumentPart = {
  operationId: 'read',
  summary: 'Read a key',
  parameters: parameters(
    ...([
      'r',
      'pr',
      'timeout',
      'vtag',
      'raw',
      'seen',
      'gone',
      'accept',
      'range',
      'ifRange',
    ] as const),
    ...(['ifMatch', 'ifNoneMatch', 'ifModifiedSince', 'ifUnmodifiedSince'] as const),
  ),
  responses: {
    200: { description: 'The value.', ...oneValue },
    206: {
      description: 'The requested range of the value.',
      headers: headersOf([...ofValue, 'Content-Range'], kept),
      content: bytes,
    },
    300: { description: 'Several concurrent versions.', ...anySibling },
    304: {
      description: 'The value has not changed.',
      headers: headersOf(
        ['X-Mec-Vclock', 'ETag', 'Cache-Control', 'Vary'],
        [
          'Last-Modified',
          'X-Mec-Timestamp',
          'X-Mec-Dot',
          'X-Mec-Siblings',
          'Accept-Ranges',
          ...kept,
        ],
      ),
    },
    ...problems(
      [
        ...KEY,
        'not-found',
        'precondition-failed',
        'range-not-satisfiable',
        ...QUORUM,
        'behind',
        'disk-failed',
        ...ANY,
      ],
      { 404: known, 412: known, 416: headersOf(['Content-Range']) },
    ),
  },
};

const content = [
  'vclock',
  'clientId',
  'meta',
  'ttl',
  'expires',
  'idempotencyKey',
  'writeId',
  'contentDigest',
] as const;
const conditions = ['ifMatch', 'ifNoneMatch'] as const;
const quorums = ['r', 'w', 'pr', 'pw', 'timeout'] as const;

const write = (operationId: string): DocumentPart => ({
  operationId,
  summary: 'Write a key',
  description:
    'A write replaces the versions that its token includes, and becomes a sibling of any others. ' +
    'After a 503 or 504 it may still take effect.',
  parameters: parameters(...quorums, 'returnbody', 'replace', ...content, ...conditions),
  requestBody: { content: bytes },
  responses: {
    200: {
      description: 'Written. With returnbody, the value.',
      headers: headersOf(ofWrite, besides),
      content: bytes,
    },
    300: { description: 'Written. With returnbody, all versions of the key.', ...siblingsWritten },
    ...problems([
      ...KEY,
      ...BODY,
      ...WRITE,
      'too-many-siblings',
      'idempotency-key-reused',
      'quota-exceeded',
    ]),
  },
});

const remove: DocumentPart = {
  operationId: 'delete',
  summary: 'Delete a key',
  description:
    'Deletes the versions that the token includes; without a token, all that a quorum has now.',
  parameters: parameters(...quorums, 'vclock', ...conditions),
  responses: {
    204: { description: 'Deleted.', headers: headersOf(['X-Mec-Vclock', 'X-Mec-Dot']) },
    ...problems([...KEY, 'not-found', ...WRITE]),
  },
};

const list: DocumentPart = {
  operationId: 'list',
  summary: 'List keys, in the order of their bytes',
  description:
    'The answer is complete, or 503. If a stream fails, the connection closes before its end.',
  parameters: parameters('prefix', 'after', 'limit', 'count', 'r', 'timeout', 'accept'),
  responses: {
    200: {
      description: 'A page of keys, or a line for each key.',
      headers: headersOf(['Vary']),
      content: {
        ...json('Keys'),
        'application/x-ndjson': {
          schema: { type: 'object', required: ['key'], properties: { key: { type: 'string' } } },
        },
      },
    },
    ...problems(['bad-parameter', 'not-ready', 'quorum-not-met', ...ANY]),
  },
};

const create: DocumentPart = {
  operationId: 'create',
  summary: 'Write under a new key',
  parameters: parameters(...quorums, 'returnbody', ...content.slice(1)),
  requestBody: { content: bytes },
  responses: {
    201: {
      description: 'Written.',
      headers: headersOf([...ofWrite, 'Location'], besides),
      content: bytes,
    },
    300: {
      ...siblingsWritten,
      description: 'Created by an earlier request. With returnbody, all versions of the key.',
      headers: { ...siblingsWritten.headers, ...headersOf(['Location']) },
    },
    ...problems([
      'cross-origin',
      'bad-parameter',
      ...BODY,
      ...QUORUM,
      ...DISK,
      ...OWNER,
      'idempotency-key-reused',
      ...ANY,
    ]),
  },
};

const ABOUT =
  'A request for keys with an X-Mec-* header that is not documented here is a bad-parameter. ' +
  'Each path answers OPTIONS, and each path with GET also HEAD.';

/** The paths of all routes, but those of pages. */
const PATHS: Readonly<Record<Exclude<RoutePath, '/' | '/ui'>, DocumentPart>> = {
  '/mec/{key}': {
    parameters: parameters('key'),
    get: read,
    head: headOf(read),
    put: write('write'),
    post: write('writeAsPost'),
    delete: remove,
  },
  '/mec': { get: list, head: headOf(list), post: create },
  '/batch': { post: batch },
  '/ping': ask('ping', 'Whether the process runs', text),
  '/ready': ask(
    'ready',
    'Whether the node is ready for requests',
    text,
    problems(['not-ready', 'disk-failed', 'stopping']),
  ),
  '/health': HEALTH,
  '/metrics': { get: METRICS, head: headOf(METRICS) },
  '/status': ask('status', 'The state of the node', json('Status')),
  '/cluster/locate/{key}': located('locate', 'The owners of a key, and the versions that each has'),
  '/cluster/ring/{key}': located('ring', 'An alias of /cluster/locate/{key}'),
  '/cluster/explain/{key}': {
    parameters: parameters('key'),
    get: {
      ...(ask(
        'explain',
        'Why a key has its versions, and what a write would do',
        json('Explanation'),
        problems([...KEY, 'bad-vclock', 'not-ready']),
      )['get'] as DocumentPart),
      parameters: parameters('token'),
    },
  },
  '/cluster/top': {
    parameters: parameters('by'),
    ...ask(
      'top',
      'The keys with the most reads, writes, bytes or versions',
      json('Top'),
      problems(['bad-parameter']),
    ),
  },
  '/cluster/slow': ask(
    'slow',
    'The latest slow requests of all nodes',
    json('Slow'),
    problems(['bad-parameter']),
  ),
  '/cluster/status': ask(
    'clusterStatus',
    'The pulses of all nodes',
    json('ClusterStatus'),
    problems(['bad-parameter']),
  ),
  ...SECURITY_PATHS,
  '/cluster/leave': post('leave', 'The node starts to leave the cluster', 202),
  '/cluster/remove/{name}': {
    parameters: parameters('name'),
    ...post('remove', 'Declares that another node will never return', 200, ['bad-parameter']),
  },
  '/cluster/merge/{address}': {
    parameters: parameters('address'),
    ...post('merge', 'The cluster starts to become one with that of another node', 202, [
      'bad-parameter',
      'unreachable',
    ]),
  },
  '/openapi.json': ask('openapi', 'This document', {
    'application/json': { schema: { type: 'object' } },
  }),
};

/** The operations of a path, each with its verb, and with the headers of all bodies. */
const wholePath = (path: DocumentPart, needs: NeedsByMethod): DocumentPart =>
  Object.fromEntries(
    Object.entries(path).map(([name, part]) => [
      name,
      name === 'parameters'
        ? part
        : { ...guarded(part as DocumentPart), 'x-mec-verb': needOf(needs, name) },
    ]),
  );

/** The document, for a server of this version. */
export function openApi(version: string): DocumentPart {
  return {
    openapi: '3.1.0',
    info: { title: 'MecDB', description: ABOUT, version, license: { name: 'MIT' } },
    paths: Object.fromEntries(
      Object.entries(PATHS).map(([path, operations]) => [
        path,
        wholePath(operations, ROUTES[path as RoutePath]),
      ]),
    ),
    components: {
      parameters: PARAMETERS,
      headers: HEADER_COMPONENTS,
      schemas: { ...SCHEMAS, ...BATCH_SCHEMAS, ...SECURITY_SCHEMAS },
    },
  };
}
