/** The schemas of what operators ask, for the OpenAPI document. */
import { HEALTH_KINDS } from '../cluster/insight/health-codes.ts';

const string = { type: 'string' } as const;

/** Schemas by name. */
export const OPERATOR_SCHEMAS = {
  Health: {
    type: 'object',
    required: ['status', 'reasons'],
    properties: {
      status: { type: 'string', enum: ['ok', 'degraded', 'critical'] },
      reasons: {
        type: 'array',
        description: 'The worst first; empty if all is well.',
        items: {
          type: 'object',
          required: ['code', 'severity', 'since', 'what', 'todo', 'nodes'],
          properties: {
            code: { type: 'string', enum: Object.keys(HEALTH_KINDS) },
            severity: { type: 'string', enum: ['degraded', 'critical'] },
            since: { type: 'string', description: 'ISO 8601.' },
            what: string,
            todo: { type: 'string', description: 'What an operator should do.' },
            nodes: { type: 'array', items: string, description: 'The nodes that are ill.' },
          },
        },
      },
    },
  },
  Explanation: {
    type: 'object',
    required: ['key', 'partition', 'holders', 'versions', 'pairs'],
    properties: {
      key: string,
      partition: { type: 'integer' },
      holders: { type: 'array', items: { type: 'object', required: ['node', 'role', 'reach'] } },
      versions: {
        type: 'array',
        items: {
          type: 'object',
          required: ['dot', 'takenBy', 'bytes', 'isCurrent', 'holders'],
          properties: { dot: string, takenBy: string, time: string, clientId: string },
        },
      },
      pairs: { type: 'array', items: { type: 'object', required: ['dots', 'why'] } },
      ifYouWrite: {
        type: 'object',
        description: 'Absent if no owner could take the write.',
        required: ['coordinator', 'replaces', 'leaves'],
        properties: { coordinator: string, refused: string },
      },
    },
  },
  Top: {
    type: 'object',
    required: ['by', 'keys', 'silent'],
    properties: {
      by: string,
      keys: { type: 'array', items: { type: 'object', required: ['key', 'value'] } },
      silent: { type: 'array', items: string, description: 'Members that gave no answer.' },
    },
  },
  Slow: {
    type: 'object',
    required: ['operations', 'silent'],
    properties: {
      operations: {
        type: 'array',
        items: { type: 'object', required: ['node', 'time', 'operation', 'tookMs', 'peers'] },
      },
      silent: { type: 'array', items: string },
    },
  },
  ClusterStatus: {
    type: 'object',
    required: ['node', 'time', 'bucketsMs', 'members', 'nodes', 'silent'],
    properties: {
      node: { type: 'string', description: 'The node that answers.' },
      time: { type: 'string', description: 'Its wall time, ISO 8601.' },
      bucketsMs: { type: 'array', items: { type: 'number' } },
      members: {
        type: 'array',
        items: { type: 'object', required: ['name', 'state', 'address'] },
      },
      nodes: {
        type: 'array',
        description: 'Counts since the start of each node that has answered.',
        items: {
          type: 'object',
          required: ['name', 'state', 'isReady', 'atMs', 'operations', 'partitions', 'peers'],
        },
      },
      silent: { type: 'array', items: string, description: 'Members that gave no answer.' },
    },
  },
} as const;
