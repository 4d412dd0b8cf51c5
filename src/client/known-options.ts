/**
 * The names of options, to refuse others. An option that is ignored does harm: a value with a
 * mistyped `ttlSeconds` would live for ever.
 */
import { clientError } from './client-error.ts';
import type {
  CallOptions,
  CountOptions,
  ClientOptions,
  DeleteOptions,
  GetOptions,
  ListOptions,
  PutOptions,
  SetOptions,
  UpdateOptions,
} from './options.ts';

/** All names of a type of options; the compiler checks that none is missing. */
type NamesOf<Options> = Readonly<Record<keyof Options, true>>;

const CALL: NamesOf<CallOptions> = { deadlineMs: true, attemptMs: true, signal: true };
const READ: NamesOf<GetOptions> = { ...CALL, r: true, monotonic: true };
const CONTENT = {
  ...CALL,
  w: true,
  meta: true,
  ttlSeconds: true,
  contentType: true,
  contentEncoding: true,
  clientId: true,
} as const;
const PUT: NamesOf<PutOptions> = {
  ...CONTENT,
  token: true,
  ifMissing: true,
  ifMatch: true,
  once: true,
};
const SET: NamesOf<SetOptions> = { ...CONTENT, r: true };
const DELETE: NamesOf<DeleteOptions> = { ...CALL, token: true, r: true, w: true };
const UPDATE: NamesOf<UpdateOptions<unknown>> = {
  ...CALL,
  merge: true,
  r: true,
  w: true,
  ttlSeconds: true,
};
const LIST: NamesOf<ListOptions> = { ...CALL, r: true, prefix: true, after: true, pageKeys: true };
const COUNT: NamesOf<CountOptions> = { ...CALL, r: true, prefix: true };
const CLIENT: NamesOf<ClientOptions<unknown>> = {
  deadlineMs: true,
  attemptMs: true,
  codec: true,
  clientId: true,
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

/** The sentence about options that are not those of a call; undefined if they are. */
export function whyUnknown(call: keyof typeof NAMES, options: unknown): string | undefined {
  const names = NAMES[call];
  if (typeof options !== 'object' || options === null)
    return `The options of ${call} must be an object`;
  const unknown = Object.keys(options).find((name) => !Object.hasOwn(names, name));
  if (unknown === undefined) return undefined;
  const known = Object.keys(names).join(', ');
  return `The option ${JSON.stringify(unknown)} is unknown; those of ${call} are ${known}`;
}

/** Throws `bad-parameter` if a call does not have these options. */
export function assertKnown(call: keyof typeof NAMES, options: unknown): void {
  const detail = whyUnknown(call, options);
  if (detail !== undefined) throw clientError('bad-parameter', { status: 400, detail });
}
