/**
 * The table of all errors that a caller can get: code, HTTP status, whether a retry may help, and
 * title. No other file adds an error code.
 */

interface ErrorKind {
  readonly status: number;
  readonly retriable: boolean;
  readonly title: string;
}

const kind = (status: number, retriable: boolean, title: string): ErrorKind => ({
  status,
  retriable,
  title,
});

/** Every error code, with its HTTP status, whether a retry may help, and its title. */
export const ERROR_KINDS = {
  'bad-vclock': kind(400, false, 'The X-Mec-Vclock header is not a token of this key'),
  'bad-parameter': kind(400, false, 'A parameter or header of the request is not valid'),
  'bad-key': kind(400, false, 'The key is not valid'),
  'digest-mismatch': kind(400, false, 'The body does not match its Content-Digest'),
  'bad-request': kind(400, false, 'The request is not valid HTTP'),
  'not-found': kind(404, false, 'There is no value under this key'),
  'no-such-route': kind(404, false, 'This path is not a route of the API'),
  'method-not-allowed': kind(405, false, 'This path does not support the method'),
  'request-timeout': kind(408, true, 'The request did not arrive in time'),
  'too-many-siblings': kind(
    409,
    false,
    'The key has too many concurrent versions; resolve them first',
  ),
  'precondition-failed': kind(412, false, 'The key does not have the expected versions'),
  'value-too-large': kind(413, false, 'The value is larger than the limit of this cluster'),
  'key-too-long': kind(414, false, 'The key is longer than 1024 bytes'),
  'range-not-satisfiable': kind(416, false, 'The requested range lies outside the value'),
  'idempotency-key-reused': kind(422, false, 'This Idempotency-Key was used for another value'),
  'headers-too-large': kind(431, false, 'The headers are larger than the limit of this node'),
  contended: kind(503, true, 'Other conditional writes to this key are in progress'),
  incomplete: kind(503, true, 'The replica is still catching up'),
  internal: kind(500, true, 'The node failed to handle this request'),
  'disk-failed': kind(503, true, 'The node cannot read or write its store'),
  'not-ready': kind(503, true, 'The node is still catching up with the other nodes'),
  overloaded: kind(503, true, 'The node is overloaded'),
  damaged: kind(503, true, 'Too few replicas can read the key: disks are damaged and under repair'),
  behind: kind(503, true, "No reachable replica is as recent as this client's last read"),
  'quorum-not-met': kind(503, true, 'Not enough replicas can answer'),
  stopping: kind(503, true, 'The node is stopping'),
  unreachable: kind(503, true, 'A node that the request needs is unreachable'),
  timeout: kind(504, true, 'Not enough replicas answered in time'),
  'disk-full': kind(507, true, "The node's disk is full"),
} as const satisfies Record<string, ErrorKind>;

/** Errors that the client reports by itself, in addition to the codes of nodes. */
export const CLIENT_ERROR_KINDS = {
  deadline: { retriable: true, title: 'No node answered before the deadline' },
  'bad-answer': {
    retriable: true,
    title: 'The answer of a node does not follow the MecDB protocol',
  },
  'bad-value': { retriable: false, title: 'The codec cannot read or write the value' },
} as const;

/** A code of `ERROR_KINDS`. */
export type ErrorCode = keyof typeof ERROR_KINDS;

/** The details of an error. The user sees every field. */
export interface ErrorDetails {
  readonly detail?: string;
  readonly parameter?: string;
  readonly limit?: number;
  readonly have?: number;
  readonly need?: number;
  readonly retryAfter?: number;
}

/** The error that rooms throw at each other: a code of the table, and details for the user. */
export class MecError extends Error {
  readonly code: ErrorCode;
  readonly details: ErrorDetails;

  constructor(code: ErrorCode, details: ErrorDetails = {}, cause?: unknown) {
    const { stackTraceLimit } = Error;
    // A refusal is an ordinary answer, and a stack trace that is never read costs more than the
    // rest of it.
    if (code !== 'internal') Error.stackTraceLimit = 0;
    super(details.detail ?? ERROR_KINDS[code].title, cause === undefined ? undefined : { cause });
    Error.stackTraceLimit = stackTraceLimit;
    this.name = 'MecError';
    this.code = code;
    this.details = details;
  }
}

/**
 * A node cannot start. The launcher prints the message and exits with code 2, or with 1 if the disk
 * is full.
 */
export class StartError extends Error {
  override readonly name = 'StartError';
}

/**
 * The error of a node that cannot listen at a URL. It names the key of the configuration that
 * changes the address: `host`, or the one of the port.
 */
export function listenError(url: string, portKey: 'port' | 'httpport', cause: unknown): StartError {
  const { code } = cause as { readonly code?: unknown };
  // A port below 1024 may need a privilege.
  const isPort = code === 'EADDRINUSE' || code === 'EACCES';
  const advice = `change ${isPort ? portKey : 'host'} in the configuration`;
  return new StartError(`Cannot listen on ${url}: ${messageOf(cause)}; ${advice}`, { cause });
}

/** This node has left its cluster. Its store must not start again under the same name. */
export class HasLeftError extends StartError {
  constructor(node: string) {
    const how = 'to join again, start it with an empty root or another name';
    super(`The node ${node} has left its cluster; ${how}`);
  }
}

/** Whether a value is a code of the table. Codes also arrive from peers. */
export function isErrorCode(text: unknown): text is ErrorCode {
  return typeof text === 'string' && Object.hasOwn(ERROR_KINDS, text);
}

/**
 * Turns any thrown value into a `MecError`: itself if it is one, else `internal` with the value as
 * cause.
 */
export function toMecError(thrown: unknown): MecError {
  return thrown instanceof MecError ? thrown : new MecError('internal', {}, thrown);
}

/**
 * Whether a thrown value, or one of its causes, says that the disk is full. An operator can end
 * that without a new configuration.
 */
export function isDiskFull(thrown: unknown): boolean {
  if (!(thrown instanceof Error)) return false;
  if (thrown instanceof MecError && thrown.code === 'disk-full') return true;
  return /no space left|disk quota|ENOSPC|EDQUOT/i.test(thrown.message) || isDiskFull(thrown.cause);
}

/** The message of a thrown value, followed by the messages of its causes. */
export function messageOf(thrown: unknown): string {
  if (!(thrown instanceof Error)) return String(thrown);
  return thrown.cause === undefined
    ? thrown.message
    : `${thrown.message}: ${messageOf(thrown.cause)}`;
}
