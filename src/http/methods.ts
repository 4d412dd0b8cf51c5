/** The dispatch of a request by its method. */
import { MecError } from '../base/errors.ts';
import type { HttpAnswer, HttpRequest } from './exchange.ts';
import { problem } from './problem.ts';

/** The handler of each method. */
export type Methods<Context> = Readonly<
  Record<string, (context: Context, request: HttpRequest) => HttpAnswer | Promise<HttpAnswer>>
>;

/**
 * Calls the handler of the request's method. If there is none, answers 405 with the allowed
 * methods. Rejects with a `MecError`.
 */
export async function byMethod<Context>(
  methods: Methods<Context>,
  context: Context,
  request: HttpRequest,
): Promise<HttpAnswer> {
  const { method } = request;
  const answer = Object.hasOwn(methods, method) ? methods[method] : undefined;
  if (answer === undefined)
    return problem(new MecError('method-not-allowed'), { Allow: Object.keys(methods).join(', ') });
  return answer(context, request);
}
