/** HTTP without sockets: what the simulator sends its clients' requests to. */
import { toMecError } from '../base/errors.ts';
import type { Front } from '../sim/front.ts';
import { type KeyRoutes, serveKey } from './key-routes.ts';
import { KEYS_PATH, serveKeys } from './keys-routes.ts';
import type { HttpAnswer, HttpRequest } from './exchange.ts';
import { problem } from './problem.ts';

/** Answers plain requests with the routes that also serve sockets. */
export const httpFront: Front = (node, env) => (request) =>
  serve({ node, env }, request).catch((thrown: unknown) => problem(toMecError(thrown)));

function serve(routes: KeyRoutes, request: HttpRequest): Promise<HttpAnswer> {
  return request.path === KEYS_PATH ? serveKeys(routes, request) : serveKey(routes, request);
}
