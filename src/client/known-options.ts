/**
 * The names of options, to refuse others. An option that is ignored does harm: a value with a
 * mistyped `ttlSeconds` would live for ever.
 */
import { badParameter } from './client-error.ts';
import type * as options from './options.ts';

/** All names of a type of options; the compiler checks that none is missing. */
type NamesOf<Options> = Readonly<Record<keyof Options, true>>;

const CALL: NamesOf<options.CallOptions> = { deadlineMs: true, attemptMs: true, signal: true };
/** The options of a read. */
export const GET_OPTIONS: NamesOf<options.GetOptions> = { ...CALL, r: true, monotonic: true };
const CONTENT = {
  ...CALL,
  w: true,
  meta: true,
  ttlSeconds: true,
  contentType: true,
  contentEncoding: true,
  clientId: true,
} as const;
/** The options of a write. */
export const PUT_OPTIONS: NamesOf<options.PutOptions> = {
  ...CONTENT,
  token: true,
  ifMissing: true,
  ifMatch: true,
  once: true,
};
/** The options of a `set`. */
export const SET_OPTIONS: NamesOf<options.SetOptions> = { ...CONTENT, r: true };
/** The options of a delete. */
export const DELETE_OPTIONS: NamesOf<options.DeleteOptions> = {
  ...CALL,
  token: true,
  r: true,
  w: true,
};
/** The options of an update. */
export const UPDATE_OPTIONS: NamesOf<options.UpdateOptions<unknown>> = {
  ...CALL,
  merge: true,
  r: true,
  w: true,
  ttlSeconds: true,
};
/** The options of a listing. */
export const LIST_OPTIONS: NamesOf<options.ListOptions> = {
  ...CALL,
  r: true,
  prefix: true,
  after: true,
  pageKeys: true,
};
/** The options of a count. */
export const COUNT_OPTIONS: NamesOf<options.CountOptions> = { ...CALL, r: true, prefix: true };
/** The options of a client. */
export const CLIENT_OPTIONS: NamesOf<options.ClientOptions<unknown>> = {
  deadlineMs: true,
  attemptMs: true,
  codec: true,
  clientId: true,
  token: true,
  world: true,
};

/** Throws `bad-parameter` if options have other names than these. */
export function assertKnown(names: Readonly<Record<string, true>>, given: unknown): void {
  if (typeof given !== 'object' || given === null) throw badParameter('Options must be an object');
  const unknown = Object.keys(given).find((name) => !Object.hasOwn(names, name));
  if (unknown === undefined) return;
  const known = Object.keys(names).join(', ');
  throw badParameter(`The option ${JSON.stringify(unknown)} is unknown; known are ${known}`);
}
