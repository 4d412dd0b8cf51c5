/** Complaints about headers. */
import { MecError } from '../base/errors.ts';

/**
 * The error of a header that makes no sense, or asks for what there is not; `must` goes on the
 * sentence that begins with its name.
 */
export const badHeader = (header: string, must: string): MecError =>
  new MecError('bad-parameter', { parameter: header, detail: `The header ${header} ${must}` });
