/** The route `/mec/:key`: GET, HEAD, PUT, POST, DELETE. */
import { MecError } from '../base/errors.ts';
import type { Env } from '../base/env.ts';
import type { NodeGetOptions, WriteOptions } from '../cluster/key-store.ts';
import type { MecNode } from '../cluster/node.ts';
import type { ReceivedToken } from '../cluster/tokens.ts';
import { CausalContext, type Dot } from '../core/causality/causal-context.ts';
import { type Content, packContent, readContent } from '../core/value/content.ts';
import { formatDot } from '../core/causality/dot.ts';
import type { Condition } from '../core/quorum/condition.ts';
import { etagOf } from '../core/value/etag.ts';
import { compareDots, type ObjectVersion } from '../core/causality/object.ts';
import { conditionOf, isConditional, verdictOf, writeIdOf } from './conditions.ts';
import { addContentHeaders, RAW_CODING, vclockHeader } from './content-headers.ts';
import { tagOf } from './entity-tags.ts';
import { headerOf, type HttpAnswer, type HttpRequest } from './exchange.ts';
import { assertKnownHeaders } from './known-headers.ts';
import { byMethod, type Methods } from './methods.ts';
import { type Parameters, parametersOf } from './parameters.ts';
import { problem } from './problem.ts';
import { ranged } from './ranges.ts';
import { contentOf, goneTokensOf, keyOf, seenDotsOf, tokenOf } from './request.ts';
import { formOf, newestFirst, renderSiblings } from './siblings.ts';

/** The parts that the routes use. */
export interface KeyRoutes {
  readonly node: MecNode;
  readonly env: Pick<Env, 'clock' | 'log' | 'random'>;
}

const METHODS: Methods<'/mec/{key}', KeyRoutes> = {
  GET: read,
  PUT: (routes, request) => writeTo(routes, request, keyOf(request.path)),
  POST: (routes, request) => writeTo(routes, request, keyOf(request.path)),
  DELETE: remove,
};

/** Otherwise a browser caches siblings forever, and a value for a while (RFC 9111, 4.2.2). */
const UNCACHED = 'no-cache';

const EMPTY = new Uint8Array();

const UNREADABLE =
  'No version of this key can be read. A write with the token of this answer replaces them.';

/** Answers a request for a key. Rejects with a `MecError`. */
export const serveKey = byMethod('/mec/{key}', METHODS, assertKnownHeaders);

/** The result of a read. */
interface FoundObject {
  readonly key: string;
  readonly siblings: readonly ObjectVersion<Content>[];
  readonly token: CausalContext;
  /** Whether the stored bytes of a single value must arrive undecoded. */
  isRaw: boolean;
  /** Whether the key has versions, and none of them can be read. */
  readonly isUnreadable: boolean;
}

/**
 * Reads a key. Leaves out versions that cannot be read, and logs them: an earlier release may have
 * taken them from a broken node. The token leaves them out as well, so that no write removes a
 * version that its writer has not seen. If no version can be read, it includes them, and a write
 * with it replaces them.
 */
async function find(
  { node, env }: KeyRoutes,
  key: string,
  parameters: NodeGetOptions,
): Promise<FoundObject> {
  const { versions, token } = await node.get(key, parameters);
  const siblings: ObjectVersion<Content>[] = [];
  const unreadable: Dot[] = [];
  for (const { actor, counter, body } of versions) {
    const content = readContent(body);
    if (content === undefined) unreadable.push({ actor, counter });
    else siblings.push({ actor, counter, body: content });
  }
  for (const dot of unreadable)
    env.log.error('version cannot be read', { key, dot: formatDot(dot) });
  const isPartial = unreadable.length > 0 && siblings.length > 0;
  return {
    key,
    siblings: siblings.length > 1 ? newestFirst(siblings) : siblings,
    token: isPartial ? token.minus(CausalContext.ofDots(unreadable)) : token,
    isRaw: false,
    isUnreadable: unreadable.length > 0 && !isPartial,
  };
}

async function read(routes: KeyRoutes, request: HttpRequest): Promise<HttpAnswer> {
  const key = keyOf(request.path);
  const parameters = parametersOf(request, 'read', routes.node.config.quorum.n);
  const { vtag, raw, r, pr, timeoutMs, caller } = parameters;
  const found = await find(routes, key, {
    r,
    pr,
    timeoutMs,
    caller,
    seen: seenDotsOf(request),
    gone: goneTokensOf(routes.node.tokens, request, key),
  });
  found.isRaw = raw === true;
  return answer(routes, request, vtag === undefined ? found : only(found, vtag));
}

/**
 * The sibling with this tag, and a token that includes only that one. Without such a sibling, no
 * versions and the old token.
 */
function only(found: FoundObject, vtag: string): FoundObject {
  const picked = found.siblings.filter((sibling) => etagOf([sibling]) === `"${vtag}"`);
  const token = picked.length === 0 ? found.token : CausalContext.ofDots(picked);
  return { ...found, siblings: picked, token };
}

function answer(
  { node, env }: KeyRoutes,
  request: HttpRequest,
  { key, siblings, token, isRaw, isUnreadable }: FoundObject,
): HttpAnswer {
  const headers = vclockHeader(node.tokens, key, token, siblings);
  if (isUnreadable) return problem(new MecError('internal', { detail: UNREADABLE }), headers);
  const [sibling] = siblings;
  // Conditions do not count where the answer is an error without them (RFC 9110, 13.2.1).
  if (sibling === undefined) return problem(new MecError('not-found'), headers);
  const known = isConditional(request) ? { ...headers } : headers;
  const form = siblings.length === 1 ? undefined : formOf(headerOf(request, 'accept'));
  if (form === undefined) {
    addContentHeaders(headers, sibling, isRaw ? RAW_CODING : undefined);
    headers['Accept-Ranges'] = 'bytes';
    if (headers[RAW_CODING] !== undefined) headers['ETag'] = tagOf(siblings, 'raw');
  } else {
    headers['ETag'] = tagOf(siblings, form.suffix);
    headers['X-Mec-Siblings'] = String(siblings.length);
  }
  headers['Cache-Control'] = UNCACHED;
  // With a second value, the form of the answer would depend on it.
  headers['Vary'] = 'Accept';
  const { ETag: tag = '' } = headers;
  const verdict = isConditional(request)
    ? verdictOf(request, { tag, versions: siblings }, env.clock.wallMicros())
    : undefined;
  if (verdict === 412) return problem(new MecError('precondition-failed'), known);
  if (verdict === 304) return { status: 304, headers };
  if (form !== undefined) {
    const { type, body } = renderSiblings(siblings, form.type, tag);
    headers['Content-Type'] = type;
    return { status: 300, headers, body };
  }
  const whole = { status: 200, headers, body: sibling.body.value };
  const isPart = request.headers['range'] !== undefined && request.method === 'GET';
  return isPart ? ranged(request, whole) : whole;
}

/** The options of a write. They are named one by one, because V8 copies objects slowly. */
const optionsOf = (
  { r, w, pr, pw, timeoutMs, replace, caller }: Parameters,
  token: ReceivedToken | undefined,
  condition: Condition | undefined,
): WriteOptions => ({
  r,
  w,
  pr,
  pw,
  timeoutMs,
  replace,
  caller,
  token: token?.context,
  isUnsigned: token?.isUnsigned,
  condition,
});

/** Writes the content of a request to a key. Rejects with a `MecError`. */
export async function writeTo(
  routes: KeyRoutes,
  request: HttpRequest,
  key: string,
): Promise<HttpAnswer> {
  const { node } = routes;
  const parameters = parametersOf(request, 'write', node.config.quorum.n);
  const token = tokenOf(node.tokens, request, key);
  const condition = conditionOf(request);
  if (parameters.replace === true && (token !== undefined || condition !== undefined))
    throw replacesAnyway(token === undefined ? 'a condition or Idempotency-Key' : 'X-Mec-Vclock');
  const policy = node.policyOf(key);
  const content = await contentOf(request, {
    maxValueBytes: policy?.maxValueBytes ?? node.config.http.maxValueBytes,
    nowMicros: node.nowMicros(key),
    ttlMs: policy?.ttlMs,
    idempotencyKey: condition?.idempotencyKey ?? writeIdOf(request),
  });
  const options = optionsOf(parameters, token, condition);
  const written = await node.put(key, packContent(content), options);
  const { length } = written.versions;
  const { actor, counter } = written.dot;
  const isAlone = written.versions.every((version) => compareDots(version, written.dot) === 0);
  const headers = vclockHeader(node.tokens, key, written.token, [
    { actor, counter, body: content },
  ]);
  headers['X-Mec-Dot'] = formatDot(written.dot);
  // With a tag of versions that the writer has not seen, its next condition would replace them.
  // Both tell whether the key has other versions.
  const mayTell = request.access?.may('read', key) !== false;
  if (isAlone && mayTell) headers['ETag'] = etagOf([written.dot]);
  if (length > 1 && mayTell) headers['X-Mec-Siblings'] = String(length);
  if (written.isRepeated) headers['X-Mec-Repeated'] = 'true';
  const plain = { status: 200, headers, body: EMPTY };
  if (parameters.returnbody !== true) return plain;
  // The write has succeeded, so a failed read must not turn the answer into an error.
  const found = await find(routes, key, parameters).catch(() => undefined);
  if (found === undefined || found.siblings.length === 0) return plain;
  const told = answer(routes, unconditional(request), found);
  if (written.isRepeated) told.headers['X-Mec-Repeated'] = 'true';
  return told;
}

/** A writer with a token or a condition says what it wants to replace: that, or all there is? */
const replacesAnyway = (what: string): MecError =>
  new MecError('bad-parameter', {
    parameter: 'replace',
    detail: `replace=true replaces all versions, so it cannot be used with ${what}`,
  });

/** The conditions of the write were met, and do not apply to the answer. */
const unconditional = (request: HttpRequest): HttpRequest => {
  const { accept } = request.headers;
  return { ...request, headers: { accept } };
};

async function remove({ node }: KeyRoutes, request: HttpRequest): Promise<HttpAnswer> {
  const key = keyOf(request.path);
  const parameters = parametersOf(request, 'remove', node.config.quorum.n);
  const token = tokenOf(node.tokens, request, key);
  const options = optionsOf(parameters, token, conditionOf(request));
  const written = await node.put(key, undefined, options);
  const headers = vclockHeader(node.tokens, key, written.token, []);
  headers['X-Mec-Dot'] = formatDot(written.dot);
  return { status: 204, headers };
}
