/** HTTP without sockets: the routes of keys, for the simulator. */
import { toMecError } from '../base/errors.ts';
import type { HttpAnswer, HttpRequest } from './exchange.ts';
import { type KeyRoutes, serveKey } from './key-routes.ts';
import { KEYS_PATH, serveKeys } from './list-routes.ts';
import { failure } from './problem.ts';

/**
 * Answers a request by the same routes that serve sockets. Never rejects: an error becomes a
 * problem document.
 */
export function answerInMemory(routes: KeyRoutes, request: HttpRequest): Promise<HttpAnswer> {
  const answer =
    request.path === KEYS_PATH ? serveKeys(routes, request) : serveKey(routes, request);
  return answer.catch((thrown: unknown) => failure(request.method, toMecError(thrown)));
}
