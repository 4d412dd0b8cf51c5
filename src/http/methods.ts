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

/**
 * Makes a function that calls the handler of the request's method, after `check`. If there is none,
 * it answers 405 with the allowed methods.
 */
export function byMethod<Context>(
  methods: Methods<Context>,
  check: (request: HttpRequest) => void = () => {},
): Serve<Context> {
  return async (context, request) => {
    const { method } = request;
    const answer = Object.hasOwn(methods, method) ? methods[method] : undefined;
    if (answer !== undefined) {
      check(request);
      return answer(context, request);
    }
    const Allow = Object.keys(methods).join(', ');
    return problem(new MecError('method-not-allowed'), { Allow });
  };
}
