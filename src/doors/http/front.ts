/** HTTP without sockets: what the simulator sends its clients' requests to. */
import { toMecError } from '../../base/errors.ts';
import type { Front } from '../../sim/front.ts';
import { serveKey } from './key-routes.ts';
import { problem } from './problem.ts';

/** Answers plain requests with the routes that also serve sockets. */
export const httpFront: Front = (node, env) => (request) =>
  serveKey({ node, env }, request).catch((thrown: unknown) => problem(toMecError(thrown)));
