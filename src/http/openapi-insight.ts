/** The operation of `/health`, for the OpenAPI document. */
import { problems } from './openapi-parts.ts';
import { type DocumentPart, ref } from './openapi-ref.ts';

const verdict: DocumentPart = { 'application/json': { schema: ref('schemas', 'Health') } };

/** The operations of `/health`. */
export const HEALTH: DocumentPart = {
  get: {
    operationId: 'health',
    summary: 'The verdict on the cluster',
    responses: {
      200: { description: 'All is well, or the cluster is degraded.', content: verdict },
      503: { description: 'Critical: some keys cannot be served.', content: verdict },
      default: problems([])['default'],
    },
  },
};
