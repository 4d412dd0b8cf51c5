/**
 * Lets pages of other origins speak to a node (CORS, Fetch Standard §3.2), as far as its
 * configuration names them. By default none may: the node knows no users, so whatever page a
 * browser shows could read and write everything.
 */
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Headers } from './exchange.ts';

/** How long a browser may remember that it has asked, s. */
const MAX_AGE_SECONDS = 600;

/**
 * Sets the headers that an answer needs for a page to see it; true where the request was the
 * question beforehand, and is answered.
 */
export function answerCors(origins: readonly string[], request: IncomingMessage, response: ServerResponse): boolean {
  const { origin } = request.headers;
  const isAny = origins.includes('*');
  if (!isAny) response.setHeader('Vary', 'Origin');
  if (origin === undefined || !(isAny || origins.includes(origin))) return false;
  response.setHeader('Access-Control-Allow-Origin', isAny ? '*' : origin);
  const asked = request.headers['access-control-request-method'];
  if (request.method !== 'OPTIONS' || asked === undefined) {
    response.setHeader('Access-Control-Expose-Headers', '*');
    return false;
  }
  response.setHeader('Access-Control-Allow-Methods', 'GET, HEAD, PUT, POST, DELETE');
  response.setHeader('Access-Control-Allow-Headers', request.headers['access-control-request-headers'] ?? '*');
  response.setHeader('Access-Control-Max-Age', MAX_AGE_SECONDS);
  response.writeHead(204).end();
  return true;
}

/** Adds to what an answer varies by what its response has said already: `writeHead` would replace that. */
export function varying(response: ServerResponse, headers: Headers): Headers {
  const vary = headers['Vary'];
  const before = vary === undefined ? undefined : response.getHeader('Vary');
  if (before !== undefined) headers['Vary'] = `${String(before)}, ${vary}`;
  return headers;
}
