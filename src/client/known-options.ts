/**
 * The names of options, to refuse others. An option that is ignored does harm: a value with a
 * mistyped `ttlSeconds` would live for ever.
 */
import { badParameter } from './client-error.ts';
import type * as options from './options.ts';

/** All names of a type of options; the compiler checks that none is missing. */
type NamesOf<Options> = Readonly<Record<keyof Options, true>>;

const CALL: NamesOf<options.CallOptions> = { deadlineMs: true, attemptMs: true, signal: true };
const READ: NamesOf<options.GetOptions> = { ...CALL, r: true, monotonic: true };
const CONTENT = {
  ...CALL,
  w: true,
  meta: true,
  ttlSeconds: true,
  contentType: true,
  contentEncoding: true,
  clientId: true,
} as const;
const PUT: NamesOf<options.PutOptions> = {
  ...CONTENT,
  token: true,
  ifMissing: true,
  ifMatch: true,
  once: true,
};
const SET: NamesOf<options.SetOptions> = { ...CONTENT, r: true };
const DELETE: NamesOf<options.DeleteOptions> = { ...CALL, token: true, r: true, w: true };
const UPDATE: NamesOf<options.UpdateOptions<unknown>> = {
  ...CALL,
  merge: true,
  r: true,
  w: true,
  ttlSeconds: true,
};
const LIST: NamesOf<options.ListOptions> = {
  ...CALL,
  r: true,
  prefix: true,
  after: true,
  pageKeys: true,
};
const COUNT: NamesOf<options.CountOptions> = { ...CALL, r: true, prefix: true };
const CLIENT: NamesOf<options.ClientOptions<unknown>> = {
  deadlineMs: true,
  attemptMs: true,
  codec: true,
  clientId: true,
  token: true,
  world: true,
};

const NAMES = {
  get: READ,
  getMany: READ,
  setMany: SET,
  put: PUT,
  set: SET,
  delete: DELETE,
  update: UPDATE,
  list: LIST,
  count: COUNT,
  client: CLIENT,
};

/** Throws `bad-parameter` if a call does not have these options. */
export function assertKnown(call: keyof typeof NAMES, given: unknown): void {
  const names = NAMES[call];
  if (typeof given !== 'object' || given === null)
    throw badParameter(`The options of ${call} must be an object`);
  const unknown = Object.keys(given).find((name) => !Object.hasOwn(names, name));
  if (unknown === undefined) return;
  const known = Object.keys(names).join(', ');
  throw badParameter(
    `The option ${JSON.stringify(unknown)} is unknown; those of ${call} are ${known}`,
  );
}
