/** The decision whether a request may reach its handler, by the verb of its route. */
import { toMecError } from '../base/errors.ts';
import type { Access } from './access.ts';
import type { HttpRequest } from './exchange.ts';
import { parametersOf } from './parameters.ts';
import { keyOf } from './request.ts';
import type { Need, RoutePath } from './route-table.ts';
import { MAX_REPLICAS } from './limits.ts';

/** The end of paths of routes for one key. */
const KEY = '{key}';

/** Headers of writes whose answer tells what is stored. */
const TELLING_HEADERS: readonly string[] = ['if-match', 'if-none-match', 'x-mec-seen'];

/** The beginning of all keys that a request is about: its key, its prefix, or empty. */
function startOf(path: RoutePath, request: HttpRequest): string {
  if (path.endsWith(KEY)) return keyOf(request.path, path.slice(0, -KEY.length));
  if (path !== '/mec' || request.method === 'POST') return '';
  return parametersOf(request, 'list', MAX_REPLICAS).prefix ?? '';
}

interface RouteNeed {
  readonly path: RoutePath;
  readonly need: Need | undefined;
}

/**
 * Throws `unauthenticated` or `forbidden` unless a request may do what its route does; or the error
 * of a malformed key.
 */
export function authorise(access: Access, request: HttpRequest, route: RouteNeed): void {
  try {
    assertAllowed(access, request, route);
  } catch (error) {
    access.trail?.refused(access.name, toMecError(error).code);
    throw error;
  }
  if (route.need === 'admin' || route.need === 'join') access.trail?.changes(access.name);
}

function assertAllowed(access: Access, request: HttpRequest, { path, need }: RouteNeed): void {
  if (need === 'open') return;
  // Strangers learn nothing of routes, keys or methods.
  access.assertKnown();
  if (need === undefined) return;
  if (need === 'join') return access.assertJoins();
  if (need === 'each') return access.assertUsesKeys();
  const start = startOf(path, request);
  access.assertMay(need, start);
  const isWrite = need === 'write' || need === 'delete';
  if (isWrite && isTelling(request, need)) access.assertMay('read', start);
}

/** Whether the answer to a write tells what is stored. Reads the query as the handler does. */
const isTelling = (request: HttpRequest, need: 'write' | 'delete'): boolean =>
  TELLING_HEADERS.some((name) => request.headers[name] !== undefined) ||
  (need === 'write' && parametersOf(request, 'write', MAX_REPLICAS).returnbody === true);
