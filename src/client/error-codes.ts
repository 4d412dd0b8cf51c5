/**
 * The codes of the client's errors: those of nodes, and its own.
 *
 * `ERROR_KINDS` has the codes of nodes with texts for people, which would be a fifth of the client
 * in a web page. Nodes send these texts themselves.
 */
import type { ErrorCode } from '../base/errors.ts';

/** Every code of a node, with whether a retry may help. */
export const NODE_CODES: Readonly<Record<ErrorCode, boolean>> = {
  'bad-vclock': false,
  'bad-parameter': false,
  'bad-key': false,
  'digest-mismatch': false,
  'bad-request': false,
  'cross-origin': false,
  'not-found': false,
  'no-such-route': false,
  'method-not-allowed': false,
  'request-timeout': true,
  'too-many-siblings': false,
  'precondition-failed': false,
  'value-too-large': false,
  'batch-too-large': false,
  'key-too-long': false,
  'range-not-satisfiable': false,
  'wrong-host': false,
  'idempotency-key-reused': false,
  'headers-too-large': false,
  contended: true,
  incomplete: true,
  internal: true,
  'unknown-method': false,
  'disk-failed': true,
  'not-ready': true,
  overloaded: true,
  damaged: true,
  behind: true,
  'quorum-not-met': true,
  stopping: true,
  unreachable: true,
  timeout: true,
  'disk-full': true,
};

/** Whether a value is a code of a node. */
export const isNodeCode = (value: unknown): value is ErrorCode =>
  typeof value === 'string' && Object.hasOwn(NODE_CODES, value);

/** Errors that the client reports by itself, in addition to the codes of nodes. */
export const CLIENT_ERROR_KINDS = {
  deadline: { retriable: true, title: 'No node answered before the deadline' },
  'bad-answer': {
    retriable: true,
    title: 'The answer of a node does not follow the MecDB protocol',
  },
  'bad-value': { retriable: false, title: 'The codec cannot read or write the value' },
} as const;
