/** The methods of a path. */
import { MecError } from '../base/errors.ts';
import type { HttpAnswer, HttpRequest } from './exchange.ts';
import { problem } from './problem.ts';

/** What answers each method. */
export type Methods<Context> = Readonly<
  Record<string, (context: Context, request: HttpRequest) => HttpAnswer | Promise<HttpAnswer>>
>;

/**
 * Answers by the method of a request; where there is none, 405 with those that there are. Rejects
 * with a `MecError`.
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
