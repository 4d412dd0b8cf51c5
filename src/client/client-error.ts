/**
 * What a client's call can reject with: one class per way to go on, each with the code that says
 * exactly what happened.
 */
import { CLIENT_ERROR_KINDS, ERROR_KINDS, type ErrorCode, isErrorCode } from '../base/errors.ts';

/** A code of a node (`ERROR_KINDS`) or of the client itself (`CLIENT_ERROR_KINDS`). */
export type ClientErrorCode = ErrorCode | keyof typeof CLIENT_ERROR_KINDS;

/** What an error of the client may carry. */
export interface ClientErrorDetails {
  readonly detail?: string | undefined;
  /** The HTTP status, where a node answered. */
  readonly status?: number | undefined;
  /** How many replicas answered, and how many would have been needed. */
  readonly have?: number | undefined;
  readonly need?: number | undefined;
  readonly retryAfterMs?: number | undefined;
  /** Where it differs from what the code says. */
  readonly retriable?: boolean | undefined;
  readonly cause?: unknown;
}

/** The base of all errors of the client. */
export class MecClientError extends Error {
  readonly code: ClientErrorCode;
  /** Whether the same call may succeed later. The client has retried already, until its deadline. */
  readonly retriable: boolean;
  readonly status: number | undefined;
  readonly have: number | undefined;
  readonly need: number | undefined;
  /** How long the node has asked not to be asked again (`Retry-After`), ms. */
  readonly retryAfterMs: number | undefined;
  /**
   * Of a write: whether it may have taken effect, or may yet. Sending the same write again, with
   * the same token, is safe.
   */
  mayTakeEffect = false;

  constructor(code: ClientErrorCode, details: ClientErrorDetails = {}) {
    const { detail, status, have, need, cause } = details;
    const { title, retriable } = isErrorCode(code) ? ERROR_KINDS[code] : CLIENT_ERROR_KINDS[code];
    super(detail ?? title, cause === undefined ? undefined : { cause });
    this.name = new.target.name;
    this.code = code;
    this.retriable = details.retriable ?? retriable;
    this.status = status;
    this.have = have;
    this.need = need;
    this.retryAfterMs = details.retryAfterMs;
  }
}

/** Too few replicas answered (`have` of `need`), or none of them has seen what this client has. */
export class QuorumError extends MecClientError {}

/** No node could serve the request: none reached, none in time, or all too busy. */
export class UnavailableError extends MecClientError {}

/** The key is in the way: too many siblings, or not what a condition asked for. Read it again. */
export class ConflictError extends MecClientError {}

/** The request itself is wrong; it would be refused again. */
export class RefusedError extends MecClientError {}

/** Bytes that the codec cannot read, or a value that it cannot write. */
export class CodecError extends MecClientError {}

const CLASSES: Partial<Record<ClientErrorCode, typeof MecClientError>> = {
  'quorum-not-met': QuorumError,
  timeout: QuorumError,
  behind: QuorumError,
  incomplete: QuorumError,
  'too-many-siblings': ConflictError,
  'bad-value': CodecError,
  'bad-answer': UnavailableError,
};

/** The error of a code, in its class. */
export function clientError(code: ClientErrorCode, details: ClientErrorDetails = {}): MecClientError {
  const status = details.status ?? 500;
  const byStatus = status === 412 ? ConflictError : status < 500 ? RefusedError : UnavailableError;
  return new (CLASSES[code] ?? byStatus)(code, details);
}
