/** The error of an invalid header. */
import { MecError } from '../base/errors.ts';

/**
 * Makes the error `bad-parameter` for a header. Its detail is "The header `header`", followed by
 * `must`.
 */
export const badHeader = (header: string, must: string): MecError =>
  new MecError('bad-parameter', { parameter: header, detail: `The header ${header} ${must}` });
