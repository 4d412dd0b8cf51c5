/** Errors as HTTP answers: `application/problem+json` (RFC 9457). */
import { utf8ToBytes } from '../base/bytes.ts';
import { ERROR_KINDS, MecError } from '../base/errors.ts';
import { problemType } from '../base/problem-type.ts';
import type { HttpAnswer } from './exchange.ts';

const WRITES: ReadonlySet<string> = new Set(['PUT', 'POST', 'DELETE']);

/**
 * The answer for the error of a request. For a write, it says whether the write may have taken
 * effect. A write that was refused (4xx) has not. Otherwise it may, unless the thrower knows
 * better.
 */
export function failure(method: string, { code, details }: MecError): HttpAnswer {
  const { mayTakeEffect = ERROR_KINDS[code].status >= 500, ...rest } = details;
  return problem(new MecError(code, WRITES.has(method) ? { ...rest, mayTakeEffect } : rest));
}

/** The answer for an error, with additional `headers`. */
export function problem(
  error: MecError,
  headers: Readonly<Record<string, string>> = {},
): HttpAnswer {
  const { status, title, detail: usualDetail } = ERROR_KINDS[error.code];
  const { detail = usualDetail, retryAfter, ...details } = error.details;
  const document = {
    type: problemType(error.code),
    title,
    status,
    detail,
    code: error.code,
    ...details,
    retryAfter,
  };
  const retry: Record<string, string> =
    retryAfter === undefined ? {} : { 'Retry-After': String(retryAfter) };
  const challenge: Record<string, string> =
    status === 401 ? { 'WWW-Authenticate': 'Bearer realm="MecDB"' } : {};
  return {
    status,
    error: error.code,
    headers: { 'Content-Type': 'application/problem+json', ...retry, ...challenge, ...headers },
    body: utf8ToBytes(`${JSON.stringify(document)}\n`),
  };
}
