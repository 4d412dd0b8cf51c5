/**
 * All routes, each with the verb that a request needs. `byMethod` makes a route of a row of this
 * table only. So a route, or a method of one, without a declared verb does not compile.
 */
import type { Verb } from '../core/security/verb.ts';

/**
 * The need of a request: a verb, nothing (`open`), a verb for each operation in its body (`each`),
 * or a token for joining (`join`).
 */
export type Need = Verb | 'open' | 'each' | 'join';

/** The methods of routes. GET stands for HEAD, too. */
export type Method = 'GET' | 'PUT' | 'POST' | 'DELETE';

/** The needs of a route, by method. */
export type NeedsByMethod = Readonly<Partial<Record<Method, Need>>>;

/** The needs of all routes, by path. A parameter is in braces. */
export const ROUTES = {
  '/mec/{key}': { GET: 'read', PUT: 'write', POST: 'write', DELETE: 'delete' },
  '/mec': { GET: 'list', POST: 'write' },
  '/batch': { POST: 'each' },
  '/ping': { GET: 'open' },
  '/ready': { GET: 'open' },
  '/health': { GET: 'monitor' },
  '/metrics': { GET: 'monitor' },
  '/status': { GET: 'monitor' },
  '/cluster/locate/{key}': { GET: 'monitor' },
  '/cluster/ring/{key}': { GET: 'monitor' },
  '/cluster/explain/{key}': { GET: 'monitor' },
  '/cluster/top': { GET: 'monitor' },
  '/cluster/slow': { GET: 'monitor' },
  '/cluster/status': { GET: 'monitor' },
  '/cluster/security': { GET: 'admin' },
  '/cluster/security/grants': { POST: 'admin' },
  '/cluster/security/quotas': { POST: 'admin' },
  '/cluster/security/tokens': { POST: 'admin' },
  '/cluster/security/signers': { POST: 'admin' },
  '/cluster/security/revoke': { POST: 'admin' },
  '/cluster/security/rotate': { POST: 'admin' },
  '/cluster/security/joins': { POST: 'admin' },
  '/cluster/security/joins/cancel': { POST: 'admin' },
  '/cluster/security/reload': { POST: 'admin' },
  '/cluster/join': { POST: 'join' },
  '/cluster/leave': { POST: 'admin' },
  '/cluster/remove/{name}': { POST: 'admin' },
  '/cluster/merge/{address}': { POST: 'admin' },
  '/': { GET: 'monitor' },
  '/ui': { GET: 'monitor' },
  '/openapi.json': { GET: 'monitor' },
} as const satisfies Readonly<Record<string, NeedsByMethod>>;

/** The path of a route. */
export type RoutePath = keyof typeof ROUTES;

/** The need of a method, which may be in lower case. */
export const needOf = (needs: NeedsByMethod, method: string): Need | undefined =>
  needs[(/^head$/i.test(method) ? 'GET' : method.toUpperCase()) as Method];
