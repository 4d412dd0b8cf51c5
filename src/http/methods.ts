/** The dispatch of a request by its method. */
import { MecError } from '../base/errors.ts';
import { authorise } from './authorise.ts';
import type { HttpAnswer, HttpRequest } from './exchange.ts';
import { problem } from './problem.ts';
import { type NeedsByMethod, needOf, type RoutePath, ROUTES } from './route-table.ts';

type MethodHandler<Context> = (
  context: Context,
  request: HttpRequest,
) => HttpAnswer | Promise<HttpAnswer>;

/** A handler for each method that the table of routes has for a path, and for no other. */
export type Methods<Path extends RoutePath, Context> = {
  readonly [Method in keyof (typeof ROUTES)[Path]]: MethodHandler<Context>;
};

/** Answers a request of a route. Rejects with a `MecError`. */
export interface Serve<Context> {
  (context: Context, request: HttpRequest): Promise<HttpAnswer>;
  /** The verbs that its requests need. */
  readonly needs: NeedsByMethod;
}

/** The answer to OPTIONS, which asks for the methods of a path. */
export const optionsAnswer = (methods: readonly string[]): HttpAnswer => ({
  status: 204,
  headers: { Allow: [...methods, 'OPTIONS'].join(', ') },
});

/**
 * Makes the route of a path: a function that calls the handler of the request's method, after
 * `check`. If there is none, it answers OPTIONS with the allowed methods, and any other method with
 * 405 and the same. A path with GET has HEAD, too.
 */
export function byMethod<Path extends RoutePath, Context>(
  path: Path,
  given: Methods<Path, Context>,
  check: (request: HttpRequest) => void = () => {},
): Serve<Context> {
  const needs: NeedsByMethod = ROUTES[path];
  const handlers: Readonly<Record<string, MethodHandler<Context>>> = given;
  const { GET } = handlers;
  // The body of an answer to HEAD is not sent.
  const methods: Readonly<Record<string, MethodHandler<Context>>> =
    GET === undefined ? handlers : { GET, HEAD: GET, ...handlers };
  const serve = async (context: Context, request: HttpRequest): Promise<HttpAnswer> => {
    const { method } = request;
    const answer = Object.hasOwn(methods, method) ? methods[method] : undefined;
    // Comes before all that may tell what the node has.
    const { access } = request;
    if (access !== undefined && method !== 'OPTIONS')
      authorise(access, request, { path, need: needOf(needs, method) });
    if (answer !== undefined) {
      check(request);
      return answer(context, request);
    }
    const options = optionsAnswer(Object.keys(methods));
    if (method === 'OPTIONS') return options;
    return problem(new MecError('method-not-allowed'), options.headers);
  };
  return Object.assign(serve, { needs });
}
