/** HTTP without sockets: the routes of keys, for the simulator. */
import { toMecError } from '../base/errors.ts';
import { BATCH_PATH, type BatchRoutes, serveBatch } from './batch-route.ts';
import type { HttpAnswer, HttpRequest } from './exchange.ts';
import { serveKey } from './key-routes.ts';
import { KEYS_PATH, serveKeys } from './list-routes.ts';
import { failure } from './problem.ts';

/**
 * Answers a request by the same routes that serve sockets. Never rejects: an error becomes a
 * problem document.
 */
export function answerInMemory(routes: BatchRoutes, request: HttpRequest): Promise<HttpAnswer> {
  return route(routes, request).catch((thrown: unknown) =>
    failure(request.method, toMecError(thrown)),
  );
}

function route(routes: BatchRoutes, request: HttpRequest): Promise<HttpAnswer> {
  if (request.path === KEYS_PATH) return serveKeys(routes, request);
  return request.path === BATCH_PATH ? serveBatch(routes, request) : serveKey(routes, request);
}
