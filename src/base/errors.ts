/**
 * The one table of everything that can go wrong for a caller: code, HTTP status, whether a retry may
 * help, and the sentence that a user reads. Nothing else in the tree invents an error code.
 */

interface ErrorKind {
  readonly status: number;
  readonly retriable: boolean;
  readonly title: string;
}

const kind = (status: number, retriable: boolean, title: string): ErrorKind => ({ status, retriable, title });

/** Every error code with its HTTP status, whether a retry can help, and its title. */
export const ERROR_KINDS = {
  'bad-vclock': kind(400, false, 'The X-Mec-Vclock header is not a token of this key'),
  'bad-parameter': kind(400, false, 'A parameter of the request is not valid'),
  'bad-key': kind(400, false, 'The key is not valid'),
  'digest-mismatch': kind(400, false, 'The body is not what its Content-Digest says'),
  'bad-request': kind(400, false, 'The request is not valid HTTP'),
  'not-found': kind(404, false, 'There is no value under this key'),
  'no-such-route': kind(404, false, 'There is nothing at this address'),
  'method-not-allowed': kind(405, false, 'This address does not know that method'),
  'request-timeout': kind(408, true, 'The request did not arrive in time'),
  'too-many-siblings': kind(409, false, 'The key has too many concurrent versions; resolve them first'),
  'precondition-failed': kind(412, false, 'The key does not hold what the request expects'),
  'value-too-large': kind(413, false, 'The value is larger than this cluster accepts'),
  'key-too-long': kind(414, false, 'The key is longer than 1024 bytes'),
  'range-not-satisfiable': kind(416, false, 'The value has no such bytes'),
  'idempotency-key-reused': kind(422, false, 'This Idempotency-Key was used for another value'),
  'headers-too-large': kind(431, false, 'The headers are larger than this node accepts'),
  contended: kind(503, true, 'Other conditional writes of this key are under way'),
  incomplete: kind(503, true, 'The replica is still catching up'),
  internal: kind(500, true, 'The node failed to handle this request'),
  'disk-failed': kind(503, true, 'The store of the node cannot be read or written'),
  'not-ready': kind(503, true, 'The node has not caught up with the others yet'),
  overloaded: kind(503, true, 'The node has more work than it can hold'),
  damaged: kind(503, true, 'Too few replicas can read this: disks are damaged, and being mended'),
  behind: kind(503, true, 'No replica that can be reached has seen what the reader has seen'),
  'quorum-not-met': kind(503, true, 'Not enough replicas can answer'),
  stopping: kind(503, true, 'The node is stopping'),
  unreachable: kind(503, true, 'A node that is needed cannot be reached'),
  timeout: kind(504, true, 'Not enough replicas answered in time'),
  'disk-full': kind(507, true, 'The disk of the node is full'),
} as const satisfies Record<string, ErrorKind>;

/**
 * Errors that a client finds by itself, in addition to the codes of nodes: whether a retry can
 * help, and the title.
 */
export const CLIENT_ERROR_KINDS = {
  deadline: { retriable: true, title: 'No node answered before the deadline' },
  'bad-answer': { retriable: true, title: 'A node answered with something that is not MecDB' },
  'bad-value': { retriable: false, title: 'The value is not what the codec reads or writes' },
} as const;

/** A code of `ERROR_KINDS`. */
export type ErrorCode = keyof typeof ERROR_KINDS;

/** What an error may carry beside its code; every field is shown to the user. */
export interface ErrorDetails {
  readonly detail?: string;
  readonly parameter?: string;
  readonly limit?: number;
  readonly have?: number;
  readonly need?: number;
  readonly retryAfter?: number;
}

/** The error that crosses module borders: a code of the table, and details for the user. */
export class MecError extends Error {
  readonly code: ErrorCode;
  readonly details: ErrorDetails;

  constructor(code: ErrorCode, details: ErrorDetails = {}, cause?: unknown) {
    const { stackTraceLimit } = Error;
    // A refusal is an answer like any other: none reads its stack, and to make one costs more than all else.
    if (code !== 'internal') Error.stackTraceLimit = 0;
    super(details.detail ?? ERROR_KINDS[code].title, cause === undefined ? undefined : { cause });
    Error.stackTraceLimit = stackTraceLimit;
    this.name = 'MecError';
    this.code = code;
    this.details = details;
  }
}

/**
 * The start of a node is not possible; the launcher prints the sentence and exits with code 2, or 1
 * for a full disk.
 */
export class StartError extends Error {
  override readonly name = 'StartError';
}

/** This node has left its cluster for good: the same store must not be started again under the same name. */
export class HasLeftError extends StartError {
  constructor(node: string) {
    const how = 'to join anew, start it with an empty root or another name';
    super(`The node ${node} has left its cluster; ${how}`);
  }
}

/** Whether a string is a code of the table (codes also arrive over the wire). */
export function isErrorCode(text: unknown): text is ErrorCode {
  return typeof text === 'string' && Object.hasOwn(ERROR_KINDS, text);
}

/** Any thrown thing as a MecError; what is not one already becomes `internal`. */
export function toMecError(thrown: unknown): MecError {
  return thrown instanceof MecError ? thrown : new MecError('internal', {}, thrown);
}

/** Whether a thrown thing, or a cause of it, is a disk without room: that passes, and needs no other configuration. */
export function isDiskFull(thrown: unknown): boolean {
  if (!(thrown instanceof Error)) return false;
  if (thrown instanceof MecError && thrown.code === 'disk-full') return true;
  return /no space left|disk quota|ENOSPC|EDQUOT/i.test(thrown.message) || isDiskFull(thrown.cause);
}

/** The message of any thrown thing, with the messages of its causes. */
export function messageOf(thrown: unknown): string {
  if (!(thrown instanceof Error)) return String(thrown);
  return thrown.cause === undefined ? thrown.message : `${thrown.message}: ${messageOf(thrown.cause)}`;
}
