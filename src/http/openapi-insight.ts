/** The operations of `/health` and `/metrics`, for the OpenAPI document. */
import { headersOf } from './openapi-headers.ts';
import { parameters, problems } from './openapi-parts.ts';
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

/** The operation of `/metrics`. */
export const METRICS: DocumentPart = {
  operationId: 'metrics',
  summary: 'The metrics of the node, for Prometheus',
  parameters: parameters('accept'),
  responses: {
    200: {
      description: 'Metrics in the text format 0.0.4, or as OpenMetrics.',
      headers: headersOf(['Vary']),
      content: {
        'text/plain; version=0.0.4; charset=utf-8': { schema: { type: 'string' } },
        'application/openmetrics-text; version=1.0.0; charset=utf-8': {
          schema: { type: 'string' },
        },
      },
    },
    default: problems([])['default'],
  },
};
