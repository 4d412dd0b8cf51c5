/** The part of the OpenAPI document about batches. */
import { MAX_BATCH_BYTES, MAX_BATCH_OPERATIONS } from './limits.ts';
import { parameters, problems } from './openapi-parts.ts';
import { type DocumentPart, ref } from './openapi-ref.ts';

/** Fields with a header or a parameter of a single request. */
const others: DocumentPart = { type: ['string', 'number', 'boolean'] };
const encoding: DocumentPart = { enum: ['utf8', 'base64'], default: 'utf8' };

/** Schemas of lines. */
export const BATCH_SCHEMAS: Readonly<Record<string, DocumentPart>> = {
  Operation: {
    type: 'object',
    required: ['op', 'key'],
    properties: {
      op: { enum: ['get', 'put', 'delete'] },
      key: { type: 'string' },
      value: { type: 'string', description: 'The value of a put, or its base64.' },
      encoding,
    },
    additionalProperties: others,
  },
  Outcome: {
    type: 'object',
    required: ['status'],
    properties: {
      status: { type: 'integer', description: 'The status of the single request.' },
      value: { type: 'string', description: 'The body of its answer, or the base64 of it.' },
      encoding,
    },
    additionalProperties: others,
  },
};

/** The operation. */
export const batch: DocumentPart = {
  operationId: 'batch',
  summary: 'Do many operations on keys in one request',
  description:
    `At most ${MAX_BATCH_OPERATIONS} lines and ${MAX_BATCH_BYTES} bytes. The fields of a line are the ` +
    'headers and parameters of a single request. Each is done as if it were alone.',
  parameters: parameters('timeout'),
  requestBody: { content: { 'application/x-ndjson': { schema: ref('schemas', 'Operation') } } },
  responses: {
    200: {
      description: 'A line for each operation, in their order.',
      content: { 'application/x-ndjson': { schema: ref('schemas', 'Outcome') } },
    },
    ...problems([
      'cross-origin',
      'bad-parameter',
      'bad-request',
      'batch-too-large',
      'request-timeout',
      'wrong-host',
      'headers-too-large',
    ]),
  },
};
