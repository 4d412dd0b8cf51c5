/** Errors as they travel between nodes, in both directions. */
import { ERROR_KINDS, MecError, toMecError } from '../../base/errors.ts';
import type { FailedReply, Reply } from '../../transport/message.ts';

/** Makes the reply that tells a peer of an error. */
export function toFailedReply(error: unknown): FailedReply {
  const { code, details } = toMecError(error);
  return {
    kind: 'failed',
    code,
    detail: details.detail ?? '',
    have: details.have ?? 0,
    need: details.need ?? 0,
    mayTakeEffect: details.mayTakeEffect,
  };
}

/** The error behind a reply that is not of the kind that the request asks for. */
export function errorOf(reply: Reply | MecError): MecError {
  if (reply instanceof MecError) return reply;
  if (reply.kind !== 'failed') return new MecError('internal');
  const { code, detail, have, need, mayTakeEffect } = reply;
  const retry = ERROR_KINDS[code].status === 503 ? { retryAfter: 1 } : {};
  return new MecError(code, {
    ...(detail !== '' && { detail }),
    ...(need > 0 && { have, need }),
    ...(mayTakeEffect !== undefined && { mayTakeEffect }),
    ...retry,
  });
}
