/**
 * One range of the bytes of a value (RFC 9110, 14). Several at once are not served: the whole value
 * is, as is allowed.
 */
import { MecError } from '../base/errors.ts';
import { headerOf, type HttpAnswer, type HttpRequest } from './exchange.ts';
import { problem } from './problem.ts';

/**
 * The part of a whole answer that its request asks for, where it asks for one: 206, or 416 where
 * there are no such bytes.
 */
export function ranged(request: HttpRequest, whole: HttpAnswer): HttpAnswer {
  const match = /^bytes=\s*(\d{0,15})-(\d{0,15})\s*$/.exec(headerOf(request, 'range') ?? '');
  const value = whole.body;
  if (match === null || value === undefined || !isCurrent(request, whole)) return whole;
  const [, first = '', last = ''] = match;
  if (first === '' && last === '') return whole;
  const { length } = value;
  const start = first === '' ? Math.max(0, length - Number(last)) : Number(first);
  const end = first === '' || last === '' ? length - 1 : Math.min(Number(last), length - 1);
  if (first !== '' && last !== '' && Number(last) < start) return whole;
  if (start > end || start >= length) {
    return problem(new MecError('range-not-satisfiable', { limit: length }), { 'Content-Range': `bytes */${length}` });
  }
  return {
    status: 206,
    headers: { ...whole.headers, 'Content-Range': `bytes ${start}-${end}/${length}` },
    body: value.subarray(start, end + 1),
  };
}

/** `If-Range`: the part is wanted only of the version that the client has the rest of. */
function isCurrent(request: HttpRequest, { headers }: HttpAnswer): boolean {
  const wanted = headerOf(request, 'if-range')?.trim();
  return wanted === undefined || wanted === headers['ETag'] || wanted === headers['Last-Modified'];
}
