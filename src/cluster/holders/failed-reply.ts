/** Errors as they travel between nodes, in both directions. */
import { ERROR_KINDS, MecError, toMecError } from '../../base/errors.ts';
import type { FailedReply, Reply } from '../../transport/message.ts';

/** The reply that tells a peer of an error. */
export function toFailed(error: unknown): FailedReply {
  const { code, message, details } = toMecError(error);
  return {
    kind: 'failed',
    code,
    detail: message,
    have: details.have ?? 0,
    need: details.need ?? 0,
  };
}

/** The error that a reply stands for, if it is none of those that the request asks for. */
export function errorOf(reply: Reply | MecError): MecError {
  if (reply instanceof MecError) return reply;
  if (reply.kind !== 'failed') return new MecError('internal');
  const { code, detail, have, need } = reply;
  const retry = ERROR_KINDS[code].status === 503 ? { retryAfter: 1 } : {};
  return new MecError(code, { detail, ...(need > 0 && { have, need }), ...retry });
}
