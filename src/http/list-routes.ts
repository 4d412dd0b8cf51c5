/**
 * The route `/mec`: GET and HEAD list keys, as a page of JSON or as a stream of lines; POST creates
 * a key.
 */
import type { KeyStore } from '../cluster/key-store.ts';
import { utf8ToBytes } from '../base/bytes.ts';
import { MAX_LIST_KEYS } from '../core/limits.ts';
import { MecError } from '../base/errors.ts';
import { countKeys } from './count.ts';
import { drawName } from '../core/causality/actor.ts';
import { preferred } from './accept.ts';
import { idempotencyKeyOf } from './conditions.ts';
import { keyFor } from './digest.ts';
import { headerOf, type HttpAnswer, type HttpRequest } from './exchange.ts';
import { type KeyRoutes, writeTo } from './key-routes.ts';
import { assertKnownHeaders } from './known-headers.ts';
import { byMethod, type Methods } from './methods.ts';
import { type Parameters, parametersOf } from './parameters.ts';

/** The path under which keys are listed and created. */
export const KEYS_PATH = '/mec';

const JSON_TYPE = 'application/json';
const LINES_TYPE = 'application/x-ndjson';

const METHODS: Methods<'/mec', KeyRoutes> = {
  GET: list,
  POST: create,
};

/** Answers a request for keys. Rejects with a `MecError`. */
export const serveKeys = byMethod(KEYS_PATH, METHODS, assertKnownHeaders);

/** Writes under a new key: 100 random bits, or a key derived from the Idempotency-Key. */
async function create(routes: KeyRoutes, request: HttpRequest): Promise<HttpAnswer> {
  const { random } = routes.env;
  const idempotencyKey = idempotencyKeyOf(request);
  const key = idempotencyKey === undefined ? drawName(random) : keyFor(idempotencyKey);
  const { headers, ...answer } = await writeTo(routes, request, key);
  const status = answer.status === 200 ? 201 : answer.status;
  return { ...answer, status, headers: { ...headers, Location: `${KEYS_PATH}/${key}` } };
}

async function list({ node, env }: KeyRoutes, request: HttpRequest): Promise<HttpAnswer> {
  const parameters = parametersOf(request, 'list', node.config.quorum.n);
  if (parameters.count === true) return counted({ node, env }, parameters);
  const isStream = preferred(headerOf(request, 'accept'), [JSON_TYPE, LINES_TYPE]) === LINES_TYPE;
  const headers = { 'Content-Type': isStream ? LINES_TYPE : JSON_TYPE, Vary: 'Accept' };
  // The first page decides the status of both forms of the answer.
  const first = await node.list({ ...parameters, limit: parameters.limit ?? MAX_LIST_KEYS });
  if (isStream) return { status: 200, headers, stream: lines(node, parameters, first) };
  const document = { keys: first.keys, next: first.next ?? null };
  return { status: 200, headers, body: utf8ToBytes(`${JSON.stringify(document)}\n`) };
}

/** The answer to `?count=true`. */
async function counted({ node, env }: KeyRoutes, parameters: Parameters): Promise<HttpAnswer> {
  const { prefix = '', r, caller, timeoutMs = node.config.quorum.timeoutMs } = parameters;
  const other = parameters.after === undefined ? parameters.limit : parameters.after;
  if (other !== undefined) {
    const detail = 'count=true counts all keys with the prefix; it takes neither after nor limit';
    throw new MecError('bad-parameter', { parameter: 'count', detail });
  }
  const count = await countKeys(node, env.clock, { prefix, r, caller, timeoutMs });
  const headers = { 'Content-Type': JSON_TYPE, Vary: 'Accept' };
  return { status: 200, headers, body: utf8ToBytes(`${JSON.stringify(count)}\n`) };
}

type Lister = Pick<KeyStore, 'list'>;
type KeyPage = Awaited<ReturnType<Lister['list']>>;

/**
 * The keys as lines of JSON, up to the requested limit. The next page is read when the client has
 * taken the last.
 */
async function* lines(
  node: Lister,
  parameters: Parameters,
  first: KeyPage,
): AsyncGenerator<Uint8Array> {
  let left = parameters.limit ?? Infinity;
  for (let page = first; ;) {
    yield utf8ToBytes(page.keys.map((key) => `${JSON.stringify({ key })}\n`).join(''));
    left -= page.keys.length;
    if (page.next === undefined || left <= 0) return;
    page = await node.list({
      ...parameters,
      after: page.next,
      limit: Math.min(left, MAX_LIST_KEYS),
    });
  }
}
