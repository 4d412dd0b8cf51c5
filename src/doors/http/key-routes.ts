/** `/mec/:key`: GET, HEAD, PUT, POST, DELETE. */
import { MecError } from '../../base/errors.ts';
import type { Env } from '../../base/env.ts';
import { hashText64 } from '../../base/hash.ts';
import { microsToHttpDate } from '../../base/system.ts';
import type { MecNode } from '../../cluster/node.ts';
import { drawIncarnation } from '../../core/actor.ts';
import type { CausalContext, Dot } from '../../core/causal-context.ts';
import { type Content, packContent, unpackContent } from '../../core/content.ts';
import { formatDot } from '../../core/dot.ts';
import { compareDots, type Version } from '../../core/object.ts';
import { encodeToken } from '../../core/token.ts';
import type { HttpAnswer, HttpRequest } from './exchange.ts';
import { toMultipart } from './multipart.ts';
import { parametersOf } from './parameters.ts';
import { problem } from './problem.ts';
import { contentOf, keyOf, seenOf, tokenOf } from './request.ts';

/** What the routes work on. */
export interface KeyRoutes {
  readonly node: MecNode;
  readonly env: Pick<Env, 'clock' | 'random'>;
}

const METHODS: Readonly<Record<string, (routes: KeyRoutes, request: HttpRequest) => Promise<HttpAnswer>>> = {
  GET: read,
  HEAD: read,
  PUT: write,
  POST: write,
  DELETE: remove,
};

const EMPTY = new Uint8Array();

/** Answers a request for a key; rejects with a `MecError`. */
export async function serveKey(routes: KeyRoutes, request: HttpRequest): Promise<HttpAnswer> {
  const method = Object.hasOwn(METHODS, request.method) ? METHODS[request.method] : undefined;
  if (method === undefined)
    return problem(new MecError('method-not-allowed'), { Allow: Object.keys(METHODS).join(', ') });
  return method(routes, request);
}

async function read({ node, env }: KeyRoutes, request: HttpRequest): Promise<HttpAnswer> {
  const key = keyOf(request.path);
  const parameters = parametersOf(request.query, 'read', node.config.quorum.n);
  const { versions, token } = await node.get(key, { ...parameters, seen: seenOf(request) });
  const siblings = versions.map(unpackVersion);
  const [only] = siblings;
  const vclock = vclockHeader(key, token, siblings);
  if (only === undefined) return problem(new MecError('not-found'), vclock);
  if (siblings.length === 1) {
    return { status: 200, headers: { ...vclock, ...contentHeaders(only) }, body: only.body.value };
  }
  siblings.sort((a, b) => b.body.timestampMicros - a.body.timestampMicros || compareDots(b, a));
  const boundary = `mec-${drawIncarnation(env.random)}${drawIncarnation(env.random)}`;
  const parts = siblings.map((sibling) => ({ headers: contentHeaders(sibling), body: sibling.body.value }));
  return {
    status: 300,
    headers: {
      ...vclock,
      'Content-Type': `multipart/mixed; boundary=${boundary}`,
      ETag: etagOf(siblings),
      'X-Mec-Siblings': String(siblings.length),
    },
    body: toMultipart(parts, boundary),
  };
}

async function write({ node, env }: KeyRoutes, request: HttpRequest): Promise<HttpAnswer> {
  const key = keyOf(request.path);
  const parameters = parametersOf(request.query, 'write', node.config.quorum.n);
  const token = tokenOf(request, key);
  const policy = node.policyOf(key);
  const content = await contentOf(request, {
    maxValueBytes: policy?.maxValueBytes ?? node.config.http.maxValueBytes,
    nowMicros: env.clock.wallMicros(),
    ttlMs: policy?.ttlMs,
  });
  const written = await node.put(key, packContent(content), { ...parameters, token });
  const headers = {
    ...vclockHeader(key, written.token, [{ ...written.dot, body: content }]),
    'X-Mec-Dot': formatDot(written.dot),
    ETag: etagOf(written.versions),
  };
  const { length } = written.versions;
  return { status: 200, headers: length > 1 ? { ...headers, 'X-Mec-Siblings': String(length) } : headers, body: EMPTY };
}

async function remove({ node }: KeyRoutes, request: HttpRequest): Promise<HttpAnswer> {
  const key = keyOf(request.path);
  const parameters = parametersOf(request.query, 'remove', node.config.quorum.n);
  const written = await node.put(key, undefined, { ...parameters, token: tokenOf(request, key) });
  return { status: 204, headers: { ...vclockHeader(key, written.token, []), 'X-Mec-Dot': formatDot(written.dot) } };
}

function unpackVersion({ actor, counter, body }: Version<Uint8Array>): Version<Content> {
  return { actor, counter, body: unpackContent(body) };
}

/** The token, with the time of the newest write of each actor among the versions. A token that knows nothing is left out. */
function vclockHeader(
  key: string,
  token: CausalContext,
  versions: readonly Version<Content>[],
): Record<string, string> {
  if (token.isEmpty) return {};
  const microsByActor = new Map<string, number>();
  for (const { actor, body } of versions) {
    microsByActor.set(actor, Math.max(body.timestampMicros, microsByActor.get(actor) ?? 0));
  }
  return { 'X-Mec-Vclock': encodeToken(token, key, microsByActor) };
}

function contentHeaders(version: Version<Content>): Record<string, string> {
  const { contentType, contentEncoding, timestampMicros, expiresMicros, clientId, meta } = version.body;
  const headers: Record<string, string> = { 'Content-Type': contentType };
  if (contentEncoding !== undefined) headers['Content-Encoding'] = contentEncoding;
  headers['Last-Modified'] = microsToHttpDate(timestampMicros);
  headers['X-Mec-Timestamp'] = String(BigInt(timestampMicros) * 1000n);
  headers['X-Mec-Dot'] = formatDot(version);
  headers['ETag'] = etagOf([version]);
  if (expiresMicros !== undefined) headers['X-Mec-Expires'] = microsToHttpDate(expiresMicros);
  if (clientId !== undefined) headers['X-Mec-Client-ID'] = clientId;
  for (const [name, value] of meta ?? []) headers[`X-Mec-Meta-${name}`] = value;
  return headers;
}

/** A strong entity tag: a hash of the set of dots, which names exactly these versions for ever. */
function etagOf(dots: readonly Dot[]): string {
  const names = dots.map(({ actor, counter }) => `${actor}:${counter}`).sort();
  return `"${hashText64(names.join(' ')).toString(16).padStart(16, '0')}"`;
}
