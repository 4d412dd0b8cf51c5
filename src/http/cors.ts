/**
 * Access for web pages of other origins (CORS, Fetch Standard §3.2), if the configuration allows
 * their origin. By default none is allowed. The node has no users, so otherwise any page in a
 * browser could read and write everything.
 */
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Headers } from './exchange.ts';
import { lendToAll } from './guards.ts';

/** The time for which a browser may cache a preflight answer, s. */
const MAX_AGE_SECONDS = 600;

/**
 * Sets the headers that let a page read the answer. Returns true if the request was a preflight,
 * which is then answered.
 */
export function answerCors(
  origins: readonly string[],
  request: IncomingMessage,
  response: ServerResponse,
): boolean {
  const { origin } = request.headers;
  const isAny = origins.includes('*');
  if (isAny) lendToAll(response);
  else response.setHeader('Vary', 'Origin');
  if (origin === undefined || !(isAny || origins.includes(origin))) return false;
  response.setHeader('Access-Control-Allow-Origin', isAny ? '*' : origin);
  const asked = request.headers['access-control-request-method'];
  if (request.method !== 'OPTIONS' || asked === undefined) {
    response.setHeader('Access-Control-Expose-Headers', '*');
    return false;
  }
  response.setHeader('Access-Control-Allow-Methods', 'GET, HEAD, PUT, POST, DELETE');
  response.setHeader(
    'Access-Control-Allow-Headers',
    request.headers['access-control-request-headers'] ?? '*',
  );
  response.setHeader('Access-Control-Max-Age', MAX_AGE_SECONDS);
  response.writeHead(204).end();
  return true;
}

/**
 * Joins the `Vary` of an answer with that of its response, which `writeHead` would replace. Changes
 * and returns `headers`.
 */
export function withJoinedVary(response: ServerResponse, headers: Headers): Headers {
  const vary = headers['Vary'];
  const before = vary === undefined ? undefined : response.getHeader('Vary');
  if (before !== undefined) headers['Vary'] = `${String(before)}, ${vary}`;
  return headers;
}
