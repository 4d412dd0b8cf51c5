/**
 * The table of all errors that a caller can get: code, HTTP status, whether a retry may help, title
 * and detail. No other file adds an error code of a node.
 */

interface ErrorKind {
  readonly status: number;
  readonly retriable: boolean;
  readonly title: string;
  /** A sentence that adds to the title, for an error without a detail of its own. */
  readonly detail: string;
}

const kind = (
  status: number,
  retriable: boolean,
  [title, detail]: readonly [string, string],
): ErrorKind => ({ status, retriable, title, detail });

/** Every error code, with its HTTP status, whether a retry may help, its title and its detail. */
export const ERROR_KINDS = {
  'bad-vclock': kind(400, false, [
    'The X-Mec-Vclock header is not a token of this key',
    'Send back what an answer about the key had in X-Mec-Vclock, unchanged.',
  ]),
  'bad-parameter': kind(400, false, [
    'A parameter or header of the request is not valid',
    'The API does not know this name, or not with this value.',
  ]),
  'bad-key': kind(400, false, [
    'The key is not valid',
    'Keys have 1 to 1024 bytes of UTF-8, and do not begin with U+0000.',
  ]),
  'digest-mismatch': kind(400, false, [
    'The body does not match its Content-Digest',
    'The bytes were changed on their way, or the digest is of other bytes.',
  ]),
  'bad-request': kind(400, false, [
    'The request is not valid HTTP',
    'The request breaks the syntax of HTTP/1.1, or can be read in two ways.',
  ]),
  unauthenticated: kind(401, false, [
    'The request proves no identity that this cluster knows',
    'Send a token that counts, as Authorization: Bearer, or use a client certificate.',
  ]),
  forbidden: kind(403, false, [
    'The identity of the request must not do this',
    'An administrator can grant the verb that the detail names.',
  ]),
  'cross-origin': kind(403, false, [
    'A page of another origin must not write',
    'http.origins of the node names the origins whose pages may.',
  ]),
  'not-found': kind(404, false, [
    'There is no value under this key',
    'The key was never written, was deleted, or has expired.',
  ]),
  'no-such-route': kind(404, false, [
    'This path is not a route of the API',
    'GET /openapi.json describes all routes.',
  ]),
  'method-not-allowed': kind(405, false, [
    'This path does not support the method',
    'The header Allow lists the methods of the path.',
  ]),
  'request-timeout': kind(408, true, [
    'The request did not arrive in time',
    'The client sent its headers or its body too slowly.',
  ]),
  'last-admin': kind(409, false, [
    'After this change no administrator could log in',
    'Give another identity the verb admin on all keys, and a token, before.',
  ]),
  'ledger-full': kind(409, false, [
    'The ledger has as many records as it may have',
    'Revoke tokens that are not needed. Expired records leave by themselves.',
  ]),
  'token-spent': kind(409, false, [
    'Another node has joined with this token',
    'A token lets one node in. Make another one with "mec join-token".',
  ]),
  'too-many-siblings': kind(409, false, [
    'The key has too many concurrent versions; resolve them first',
    'Write one value with the token of a read, or replace all: ?replace=true, or set in the client.',
  ]),
  'precondition-failed': kind(412, false, [
    'The key does not have the expected versions',
    'If-Match or If-None-Match does not hold. Read the key again, and decide again.',
  ]),
  'value-too-large': kind(413, false, [
    'The value is larger than the limit of this cluster',
    'The key maxvalue of the configuration raises it.',
  ]),
  'batch-too-large': kind(413, false, [
    'The batch is larger than a node takes',
    'A batch has at most 1000 operations and 8 MiB. Send several of them.',
  ]),
  'key-too-long': kind(414, false, [
    'The key is longer than 1024 bytes',
    'The limit counts bytes of UTF-8, after percent-decoding.',
  ]),
  'range-not-satisfiable': kind(416, false, [
    'The requested range lies outside the value',
    'The header Content-Range has the length of the value.',
  ]),
  'wrong-host': kind(421, false, [
    'The Host of the request is no name of this node',
    'http.hosts of the node names its hosts.',
  ]),
  'idempotency-key-reused': kind(422, false, [
    'This Idempotency-Key was used for another value',
    'Only a repetition of the same write may have the key of an earlier one.',
  ]),
  'rate-limited': kind(429, true, [
    'The identity of the request sends or reads too much',
    'Wait as long as the header Retry-After says.',
  ]),
  'headers-too-large': kind(431, false, [
    'The headers are larger than the limit of this node',
    'Send fewer headers, or shorter ones.',
  ]),
  contended: kind(503, true, [
    'Other conditional writes to this key are in progress',
    'The key was granted to another write, or its owners changed.',
  ]),
  incomplete: kind(503, true, [
    'The replica is still catching up',
    'A replica that may lack writes must not decide yet.',
  ]),
  internal: kind(500, true, [
    'The node failed to handle this request',
    'This is a bug of MecDB. The log of the node has the reason.',
  ]),
  'unknown-method': kind(501, false, [
    'The method of the request is none that this server knows',
    'GET /openapi.json names the methods of each path.',
  ]),
  'disk-failed': kind(503, true, [
    'The node cannot read or write its store',
    'The node tries to open its store again. Its log has the reason.',
  ]),
  'not-ready': kind(503, true, [
    'The node is still catching up with the other nodes',
    'The node may lack writes. Send requests to another one until then.',
  ]),
  overloaded: kind(503, true, [
    'The node is overloaded',
    'A queue of the node is full. Wait as long as the header Retry-After says.',
  ]),
  damaged: kind(503, true, [
    'Too few replicas can read the key: disks are damaged and under repair',
    'The value may exist. Nodes look for a copy that one of them can still read.',
  ]),
  behind: kind(503, true, [
    "No reachable replica is as recent as this client's last read",
    'X-Mec-Seen names writes that no reachable replica has.',
  ]),
  'quorum-not-met': kind(503, true, [
    'Not enough replicas can answer',
    'Start the nodes that are down, or ask for a smaller quorum.',
  ]),
  'security-stale': kind(503, true, [
    'The node has met no majority of the cluster for too long, and may know old rights',
    'Mend the network of the node, or send the request to another one.',
  ]),
  stopping: kind(503, true, [
    'The node is stopping',
    'The node takes no further requests. Send this one to another.',
  ]),
  unreachable: kind(503, true, [
    'A node that the request needs is unreachable',
    'Look at the network between the nodes, and at both of their ports.',
  ]),
  timeout: kind(504, true, [
    'Not enough replicas answered in time',
    'Some node is slow, hangs, or has just failed.',
  ]),
  'quota-exceeded': kind(507, false, [
    'The tenant of the key may not store more',
    'Delete keys of the tenant, or let an administrator raise its quota.',
  ]),
  'disk-full': kind(507, true, [
    "The node's disk is full",
    'The node neither reads nor writes until there is room. The other nodes go on.',
  ]),
} as const satisfies Record<string, ErrorKind>;

/** A code of `ERROR_KINDS`. */
export type ErrorCode = keyof typeof ERROR_KINDS;

/** The details of an error. The user sees every field. */
export interface ErrorDetails {
  readonly detail?: string;
  readonly parameter?: string;
  /** Why the token of a request was refused. */
  readonly reason?: 'unsigned' | 'unknown-key' | 'forged';
  readonly limit?: number;
  readonly have?: number;
  readonly need?: number;
  readonly retryAfter?: number;
  /**
   * Whether the write may have taken effect, or still may; undefined if the thrower does not know,
   * or if the request is no write.
   */
  readonly mayTakeEffect?: boolean;
}

/** The details of an error of a write that has stored nothing at any node, and never will. */
export const nothingWritten = (
  sentence: string,
): Pick<ErrorDetails, 'detail' | 'mayTakeEffect'> => ({
  detail: `${sentence} Nothing was written.`,
  mayTakeEffect: false,
});

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
    super(`The node ${node} has left its cluster; to join again, start it with an empty root`);
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
