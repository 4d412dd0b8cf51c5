/**
 * Headers that keep a browser from running a body, from lending it to other pages, and from keeping
 * it. Otherwise a script in a value would act in the origin of the node.
 */
import type { ServerResponse } from 'node:http';
import type { Headers } from './exchange.ts';

const RESOURCE_POLICY = 'Cross-Origin-Resource-Policy';

/**
 * Adds the headers to those of an answer with a body. Changes and returns `headers`, and replaces
 * none of them. `response` may already have another resource policy.
 */
export function guard(headers: Headers, response?: ServerResponse): Headers {
  headers['X-Content-Type-Options'] = 'nosniff';
  headers['Content-Security-Policy'] ??= "sandbox; default-src 'none'";
  if (response?.hasHeader(RESOURCE_POLICY) !== true) headers[RESOURCE_POLICY] = 'same-origin';
  // Caches may keep some errors by a rule of thumb (RFC 9111, 4.2.2). A create after a 404 from a
  // cache would be without the token of the deletes since then.
  headers['Cache-Control'] ??= 'no-store';
  return headers;
}

/** Lets pages of every origin embed the answer. */
export const lendToAll = (response: ServerResponse): unknown =>
  response.setHeader(RESOURCE_POLICY, 'cross-origin');
