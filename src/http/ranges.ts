/**
 * A single range of a value's bytes (RFC 9110, 14). For several ranges the whole value is returned,
 * as the RFC allows.
 */
import { MecError } from '../base/errors.ts';
import { headerOf, type HttpAnswer, type HttpRequest } from './exchange.ts';
import { problem } from './problem.ts';

/**
 * The requested range of a whole answer: 206, or 416 if the range lies outside. Returns the whole
 * answer if no valid range was requested.
 */
export function ranged(request: HttpRequest, whole: HttpAnswer): HttpAnswer {
  const match = /^bytes=\s*(\d*)-(\d*)\s*$/i.exec(headerOf(request, 'range') ?? '');
  const value = whole.body;
  if (match === null || value === undefined || !isCurrent(request, whole)) return whole;
  const [, first = '', last = ''] = match;
  if (first === '' && last === '') return whole;
  const { length } = value;
  const start = first === '' ? Math.max(0, length - Number(last)) : Number(first);
  const end = first === '' || last === '' ? length - 1 : Math.min(Number(last), length - 1);
  if (first !== '' && last !== '' && Number(last) < start) return whole;
  if (start > end || start >= length) {
    return problem(new MecError('range-not-satisfiable', { limit: length }), {
      'Content-Range': `bytes */${length}`,
    });
  }
  return {
    status: 206,
    headers: { ...whole.headers, 'Content-Range': `bytes ${start}-${end}/${length}` },
    body: value.subarray(start, end + 1),
  };
}

/**
 * Whether `If-Range` allows a part: the client's other part must be of this version. A date has
 * seconds, and two versions of one second would be joined, so it allows none.
 */
function isCurrent(request: HttpRequest, { headers }: HttpAnswer): boolean {
  const wanted = headerOf(request, 'if-range')?.trim();
  return wanted === undefined || wanted === headers['ETag'];
}
