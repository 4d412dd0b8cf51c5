/**
 * The errors of the client: one class for each way in which a caller can react, and a code for the
 * exact cause.
 */
import type { ErrorCode } from '../base/errors.ts';
import { isRetriable, type OWN_CODES } from './error-codes.ts';

/** A code of a node or of the client itself. A newer node may have more of them. */
export type ClientErrorCode = ErrorCode | (typeof OWN_CODES)[number];

/** The status of an error that a node would answer with, if no node was asked. */
const OVERLOADED = 503;

/** The details of a client error. */
export interface ClientErrorDetails {
  readonly detail?: string | undefined;
  /** The HTTP status, if a node answered. */
  readonly status?: number | undefined;
  /** The number of replicas that answered, and the number that the request needed. */
  readonly have?: number | undefined;
  readonly need?: number | undefined;
  readonly retryAfterMs?: number | undefined;
  readonly mayTakeEffect?: boolean | undefined;
  /** Overrides whether the code is retriable. */
  readonly retriable?: boolean | undefined;
  readonly cause?: unknown;
}

/** The base class of all errors of the client. */
export class MecClientError extends Error {
  declare readonly code: ClientErrorCode;
  /** Whether the same call may succeed later. The client has already retried until its deadline. */
  declare readonly retriable: boolean;
  declare readonly status: number | undefined;
  declare readonly have: number | undefined;
  declare readonly need: number | undefined;
  /** The pause that the node asked for in `Retry-After`, ms. */
  declare readonly retryAfterMs: number | undefined;
  /**
   * For a write: whether it may have taken effect, or still may. A second call with the same token
   * loses nothing, but it is another write: it may become a sibling of the first.
   */
  declare mayTakeEffect: boolean;
  /** The keys of a `getMany` or `setMany` that failed. The others were read or written. */
  declare failedKeys: readonly string[] | undefined;

  constructor(code: ClientErrorCode, details: ClientErrorDetails = {}) {
    const { detail = `The call failed: ${code}`, ...facts } = details;
    super(detail, facts);
    const { status = OVERLOADED, mayTakeEffect = false } = facts;
    // A codec would fail again with the same value.
    const { retriable = code !== 'bad-value' && isRetriable(status, code) } = facts;
    Object.assign(this, facts, { name: new.target.name, code, retriable, mayTakeEffect });
  }
}

/**
 * Too few replicas answered (`have` of `need`), or none that answered is as recent as this client's
 * last read.
 */
export class QuorumError extends MecClientError {}

/** No node served the request: all were unreachable, too slow or overloaded. */
export class UnavailableError extends MecClientError {}

/**
 * The state of the key prevents the write: too many siblings, or a condition that does not hold.
 * Read the key again.
 */
export class ConflictError extends MecClientError {}

/** The request is invalid; the cluster would refuse it again. */
export class RefusedError extends MecClientError {}

/** The codec cannot read the stored bytes, or cannot write the value. */
export class CodecError extends MecClientError {}

const CLASSES = new Map<ClientErrorCode, typeof MecClientError>([
  ['quorum-not-met', QuorumError],
  ['timeout', QuorumError],
  ['behind', QuorumError],
  ['incomplete', QuorumError],
  ['rate-limited', UnavailableError],
  ['too-many-siblings', ConflictError],
  ['quota-exceeded', RefusedError],
  ['bad-value', CodecError],
  ['bad-answer', UnavailableError],
]);

/** The error of a codec that cannot do `what`. */
export const codecError = (what: string, cause: unknown): MecClientError => {
  const reason = cause instanceof Error ? cause.message : String(cause);
  return clientError('bad-value', { detail: `The codec cannot ${what}: ${reason}`, cause });
};

/** The error of a call that no node would take. */
export const badParameter = (detail: string): MecClientError =>
  clientError('bad-parameter', { status: 400, detail });

/** Makes the error for a code, in the class that belongs to it. */
export function clientError(
  code: ClientErrorCode,
  details: ClientErrorDetails = {},
): MecClientError {
  const status = details.status ?? 500;
  const byStatus = status === 412 ? ConflictError : status < 500 ? RefusedError : UnavailableError;
  return new (CLASSES.get(code) ?? byStatus)(code, details);
}
