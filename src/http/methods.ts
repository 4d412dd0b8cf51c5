/** The dispatch of a request by its method. */
import { MecError } from '../base/errors.ts';
import type { HttpAnswer, HttpRequest } from './exchange.ts';
import { problem } from './problem.ts';

/** The handler of each method. */
export type Methods<Context> = Readonly<
  Record<string, (context: Context, request: HttpRequest) => HttpAnswer | Promise<HttpAnswer>>
>;

/** Answers a request. Rejects with a `MecError`. */
export type Serve<Context> = (context: Context, request: HttpRequest) => Promise<HttpAnswer>;

/** The answer to OPTIONS, which asks for the methods of a path. */
export const optionsAnswer = (methods: readonly string[]): HttpAnswer => ({
  status: 204,
  headers: { Allow: [...methods, 'OPTIONS'].join(', ') },
});

/**
 * Makes a function that calls the handler of the request's method, after `check`. If there is none,
 * it answers OPTIONS with the allowed methods, and any other method with 405 and the same. A path
 * with GET has HEAD, too.
 */
export function byMethod<Context>(
  given: Methods<Context>,
  check: (request: HttpRequest) => void = () => {},
): Serve<Context> {
  const { GET } = given;
  // The body of an answer to HEAD is not sent.
  const methods: Methods<Context> = GET === undefined ? given : { GET, HEAD: GET, ...given };
  return async (context, request) => {
    const { method } = request;
    const answer = Object.hasOwn(methods, method) ? methods[method] : undefined;
    if (answer !== undefined) {
      check(request);
      return answer(context, request);
    }
    const options = optionsAnswer(Object.keys(methods));
    if (method === 'OPTIONS') return options;
    return problem(new MecError('method-not-allowed'), options.headers);
  };
}
