/** HTTP without sockets: the routes of keys, for the simulator. */
import { toMecError } from '../base/errors.ts';
import { BATCH_PATH, type BatchRoutes, serveBatch } from './batch-route.ts';
import { type Credentials, Door } from './door.ts';
import { headerOf, type HttpAnswer, type HttpRequest } from './exchange.ts';
import { serveKey } from './key-routes.ts';
import { KEYS_PATH, serveKeys } from './list-routes.ts';
import { failure } from './problem.ts';

/** The proofs of a request without a socket. */
const proofsOf = (request: HttpRequest): Credentials => ({
  authorization: headerOf(request, 'authorization'),
  certificate: undefined,
});

/**
 * Answers a request by the same routes that serve sockets. Never rejects: an error becomes a
 * problem document.
 */
export function answerInMemory(routes: BatchRoutes, request: HttpRequest): Promise<HttpAnswer> {
  return route(routes, request).catch((thrown: unknown) =>
    failure(request.method, toMecError(thrown)),
  );
}

async function route(routes: BatchRoutes, given: HttpRequest): Promise<HttpAnswer> {
  const { security } = routes.node;
  const found = security && new Door({ security }).accessOf(proofsOf(given));
  const access = found instanceof Promise ? await found : found;
  const request = access === undefined ? given : { ...given, access, caller: access.name };
  if (request.path === KEYS_PATH) return serveKeys(routes, request);
  return request.path === BATCH_PATH ? serveBatch(routes, request) : serveKey(routes, request);
}
