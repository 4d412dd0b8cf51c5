/** The operations of `/cluster/security`, for the OpenAPI document. */
import { json } from './openapi-operations.ts';
import { problems } from './openapi-parts.ts';
import type { DocumentPart } from './openapi-ref.ts';

const string = { type: 'string' } as const;
const names = { type: 'array', items: string } as const;
const spread = { have: names, lack: names } as const;

/** The fields of a change, as a body of JSON. */
const bodyOf = (properties: DocumentPart, required: readonly string[]): DocumentPart => ({
  content: { 'application/json': { schema: { type: 'object', required, properties } } },
});

/** The schemas of answers that have more than others. */
const ANSWERS: Readonly<Record<string, string>> = {
  issueToken: 'IssuedToken',
  addSigner: 'AddedSigner',
};

const change = (operationId: string, summary: string, requestBody: DocumentPart): DocumentPart => ({
  post: {
    operationId,
    summary,
    requestBody,
    responses: {
      200: {
        description: summary,
        content: json(ANSWERS[operationId] ?? 'Spread'),
      },
      ...problems(['bad-parameter', 'cross-origin', 'last-admin', 'quorum-not-met']),
    },
  },
});

/** The paths, which only nodes with `security.mode = "on"` have. */
export const SECURITY_PATHS = {
  '/cluster/security': {
    get: {
      operationId: 'security',
      summary: 'All identities, tokens and revocations',
      responses: {
        200: { description: 'The records of the ledger.', content: json('Ledger') },
        ...problems([]),
      },
    },
  },
  '/cluster/security/grants': change(
    'grant',
    'Replace the verbs of an identity on a prefix, or on one key',
    bodyOf({ identity: string, prefix: string, key: string, verbs: names }, ['identity', 'verbs']),
  ),
  '/cluster/security/quotas': change(
    'limitTenant',
    'Replace the bytes that a tenant may store; 0 takes the quota away',
    bodyOf({ tenant: string, bytes: { type: 'integer' } }, ['tenant', 'bytes']),
  ),
  '/cluster/security/tokens': change(
    'issueToken',
    'Make a token of an identity',
    bodyOf({ identity: string, days: { type: 'number' } }, ['identity']),
  ),
  '/cluster/security/signers': change(
    'addSigner',
    'Add a key with which an identity signs requests',
    bodyOf({ identity: string, days: { type: 'number' }, publicKey: string }, ['identity']),
  ),
  '/cluster/security/revoke': change(
    'revoke',
    'Revoke an identity, a token or a certificate for ever',
    bodyOf({ id: string }, ['id']),
  ),
  '/cluster/security/rotate': {
    post: {
      operationId: 'rotateKey',
      summary: 'Give the node another key, or the cluster another key for tokens',
      requestBody: bodyOf({ key: { enum: ['node', 'tokens'] } }, ['key']),
      responses: {
        200: {
          description: 'The change is done, or goes on by itself.',
          content: json('Rotation'),
        },
        ...problems(['bad-parameter', 'cross-origin', 'ledger-full', 'not-ready']),
      },
    },
  },
  '/cluster/security/joins': {
    post: {
      operationId: 'offerJoin',
      summary: 'Make a token with which one node may join',
      requestBody: bodyOf(
        { name: string, minutes: { type: 'number' }, certificate: string, key: string },
        ['certificate', 'key'],
      ),
      responses: {
        200: { description: 'The token, which this node knows.', content: json('JoinToken') },
        ...problems(['bad-parameter', 'cross-origin', 'overloaded']),
      },
    },
  },
  '/cluster/security/joins/cancel': {
    post: {
      operationId: 'cancelJoin',
      summary: 'End a token with which a node may join',
      requestBody: bodyOf({ id: string }, ['id']),
      responses: {
        200: { description: 'The token counts no more.', content: json('CancelledJoin') },
        ...problems(['bad-parameter', 'cross-origin']),
      },
    },
  },
  '/cluster/join': {
    post: {
      operationId: 'join',
      summary: 'Join the cluster as a node, with a token for that',
      requestBody: bodyOf(
        {
          name: string,
          host: string,
          port: { type: 'integer' },
          nodeKey: string,
          certificateKey: string,
        },
        ['name', 'host', 'port', 'nodeKey', 'certificateKey'],
      ),
      responses: {
        200: { description: 'The key of the node counts.', content: json('Welcome') },
        ...problems(['bad-parameter', 'cross-origin', 'token-spent', 'quorum-not-met']),
      },
    },
  },
  '/cluster/security/reload': {
    post: {
      operationId: 'reloadCertificates',
      summary: 'Read the certificates of the node again',
      responses: {
        200: {
          description: 'The node uses them for new connections.',
          content: {
            'application/json': {
              schema: { type: 'object', properties: { reloaded: { type: 'boolean' } } },
            },
          },
        },
        ...problems(['bad-parameter', 'cross-origin']),
      },
    },
  },
} as const;

/** The schemas of their answers. */
export const SECURITY_SCHEMAS: Readonly<Record<string, DocumentPart>> = {
  Ledger: {
    type: 'object',
    required: ['records', 'isStale'],
    properties: {
      records: {
        type: 'array',
        items: {
          type: 'object',
          required: ['id', 'version', 'isRevoked', 'rights'],
          properties: {
            quotaBytes: { type: 'integer', description: 'The bytes that a tenant may store.' },
            storedBytes: { type: 'integer', description: 'The bytes that it stores, about.' },
          },
        },
      },
      isStale: { type: 'boolean' },
    },
  },
  Spread: {
    type: 'object',
    description: 'The members that have the change on their disks, and those that do not.',
    required: ['have', 'lack'],
    properties: spread,
  },
  CancelledJoin: { type: 'object', required: ['cancelled'], properties: { cancelled: string } },
  JoinToken: {
    type: 'object',
    required: ['token'],
    properties: { token: string },
  },
  Welcome: {
    type: 'object',
    description: 'The certificate of a node that joins, and all that its first start needs.',
    required: ['certificate', 'n', 'nodes', 'records'],
    properties: {
      certificate: string,
      cluster: string,
      n: { type: 'integer' },
      nodes: { type: 'array', items: { type: 'object', required: ['name', 'host', 'port'] } },
      records: { type: 'array', items: { type: 'object' } },
    },
  },
  Rotation: {
    type: 'object',
    description: 'A change of a key, and the members that do not have the new one yet.',
    required: ['node', 'isDone', 'waitsFor'],
    properties: { node: string, isDone: { type: 'boolean' }, waitsFor: names },
  },
  IssuedToken: {
    type: 'object',
    required: ['id', 'token', 'expires', 'have', 'lack'],
    properties: { id: string, token: string, expires: string, ...spread },
  },
  AddedSigner: {
    type: 'object',
    description: 'A key for signatures. The secret, in base64, is there if the key is not public.',
    required: ['keyId', 'expires', 'have', 'lack'],
    properties: { keyId: string, secret: string, expires: string, ...spread },
  },
};
