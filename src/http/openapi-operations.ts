/** The operations of operators, for the OpenAPI document. */
import type { ErrorCode } from '../base/errors.ts';
import { parameters, problems } from './openapi-parts.ts';
import { type DocumentPart, ref } from './openapi-ref.ts';

/** The errors of a request for a key. */
export const KEY: readonly ErrorCode[] = ['bad-key', 'bad-parameter', 'key-too-long'];

/** A body of JSON. */
export const json = (schema: string): DocumentPart => ({
  'application/json': { schema: ref('schemas', schema) },
});

/** A path with an operation that asks. */
export const ask = (
  operationId: string,
  summary: string,
  answer: DocumentPart,
  failures: DocumentPart = problems([]),
): DocumentPart => ({
  get: {
    operationId,
    summary,
    responses: {
      200: { description: summary, content: answer },
      ...failures,
    },
  },
});

/** A path with an operation that changes members. */
export const post = (
  operationId: string,
  summary: string,
  status: number,
  failures: readonly ErrorCode[] = [],
): DocumentPart => ({
  post: {
    operationId,
    summary,
    responses: {
      [status]: { description: summary, content: json('Member') },
      ...problems(['cross-origin', ...failures]),
    },
  },
});

/** A path with an operation that asks where a key is. */
export const located = (operationId: string, summary: string): DocumentPart => ({
  parameters: parameters('key'),
  ...ask(operationId, summary, json('Location'), problems([...KEY, 'not-ready'])),
});
