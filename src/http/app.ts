/**
 * Turns sockets into plain requests, plain answers into responses, and errors into problem
 * documents. Requests for keys go directly to their routes. All others go through Koa, which with
 * its router costs more than reading an object and making its answer.
 */
import Router from '@koa/router';
import type { IncomingMessage, ServerResponse } from 'node:http';
import Koa from 'koa';
import type { Env } from '../base/env.ts';
import { MecError, messageOf, toMecError } from '../base/errors.ts';
import { HTTP_SMALL_BYTES } from './limits.ts';
import type { Recorder } from '../base/recorder.ts';
import type { Tracer } from '../base/tracer.ts';
import type { Config } from '../cluster/config.ts';
import type { Joins } from '../cluster/joins.ts';
import type { MecNode } from '../cluster/node.ts';
import type { AnswerMemory } from './answer-memory.ts';
import type { Access } from './access.ts';
import { verifyDigest } from './digest.ts';
import { announcedBytes, readBody, readChunks, tooLarge } from './body.ts';
import type { BodyLoan, BodyMemory } from './body-memory.ts';
import type { ClientAddress } from './client-addresses.ts';
import { BATCH_PATH, serveBatch } from './batch-route.ts';
import { CLUSTER_ROUTES, EXPECTED_OF_CLUSTER } from './cluster-routes.ts';
import type { HttpAnswer, HttpRequest } from './exchange.ts';
import { serveKey } from './key-routes.ts';
import { KEYS_PATH, serveKeys } from './list-routes.ts';
import { KEY_PREFIX } from './request.ts';
import { whenClosed } from './when-closed.ts';
import { serveCancel, serveJoin, serveOffer, serveReload } from './security-routes.ts';
import type { ServerStatus } from './server-status.ts';
import { serveMetrics } from './metrics-route.ts';
import { optionsAnswer, type Serve } from './methods.ts';
import { NODE_ROUTES } from './node-routes.ts';
import { openApi } from './openapi.ts';
import { type Pages, serveHome, servePages } from './pages.ts';
import { failure, problem } from './problem.ts';
import { send } from './send.ts';
import { type Exchange, sendStream } from './stream.ts';

/** The limits on memory that requests use. */
export interface Gates {
  readonly bodies: BodyMemory;
  readonly answers: AnswerMemory;
  /** The address whose part of the memory a request takes. */
  readonly addressOf: (request: IncomingMessage) => ClientAddress;
  /** The rights of the sender of a request; undefined if requests need no credentials. */
  readonly accessOf?: ((request: IncomingMessage) => Access | undefined) | undefined;
}

/** The parts of the application. */
export interface AppOptions {
  readonly node: MecNode;
  readonly env: Env;
  /** The version of this software. */
  readonly version: string;
  readonly gates: Gates;
  /** The complete document for `/status`. */
  readonly status: () => ServerStatus;
  /** Pages for people in a browser; undefined if there are none. */
  readonly pages?: Pages | undefined;
  /** The reason why the node must get no requests now; undefined if it is ready. */
  readonly whyNotReady: () => MecError | undefined;
  /** Reads the certificates again. Rejects with a `MecError`. */
  readonly reloadTls: () => Promise<void>;
  /** The tokens for joining; undefined if nodes need no keys. */
  readonly joins?: Joins | undefined;
}

/** Answers one request. Never rejects. */
export type Handle = (req: IncomingMessage, res: ServerResponse) => Promise<void>;

/** Makes the function that serves the requests of an HTTP server. */
export function createHandle(options: AppOptions): Handle {
  const { node, env, gates } = options;
  const parts = { env, ...gates, config: node.config, recorder: node.sight.recorder };
  const routes = { node, env };
  const serveOneKey = tracedBy(env.tracer, (request) => serveKey(routes, request));
  const others = createApp(options, parts).callback();
  return async (req, res) => {
    if (!req.url?.startsWith(KEY_PREFIX)) return others(req, res);
    return serve({ req, res }, serveOneKey, parts);
  };
}

type ToAnswer = (request: HttpRequest) => Promise<HttpAnswer>;

/** A route whose operations are a part of the trace that a request names. */
const tracedBy = (tracer: Tracer | undefined, serve: ToAnswer): ToAnswer =>
  tracer === undefined ? serve : (request) => tracer.within(request.headers, () => serve(request));

function createApp(
  { node, env, version, status, pages, whyNotReady, reloadTls, joins }: AppOptions,
  parts: ServingParts,
): Koa {
  const app = new Koa();
  // Paths are exact: no other case, and no slash at the end.
  const router = new Router({ sensitive: true, strict: true });
  const add = <Context>(path: RegExp | string, route: Serve<Context>, context: Context): void => {
    const isTraced = path === KEYS_PATH || path === BATCH_PATH;
    const answer: ToAnswer = (request) => route(context, request);
    const handle = isTraced ? tracedBy(env.tracer, answer) : answer;
    router.all(path, (ctx) => {
      bypassKoaResponse(ctx);
      return serve(ctx, handle, parts);
    });
  };
  add(KEYS_PATH, serveKeys, { node, env });
  add(BATCH_PATH, serveBatch, { node, env, batches: { count: 0 } });
  for (const { path, serve: route } of CLUSTER_ROUTES) add(path, route, node);
  const about = { pages, name: node.config.name, version };
  add('/', serveHome, about);
  add(/^\/ui(?:\/.*)?$/, servePages, about);
  const document = `${JSON.stringify(openApi(version))}\n`;
  for (const [path, route] of Object.entries(NODE_ROUTES))
    add(path, route, { node, status, whyNotReady, document });
  add('/cluster/security/reload', serveReload, reloadTls);
  add('/cluster/security/joins', serveOffer, joins);
  add('/cluster/security/joins/cancel', serveCancel, joins);
  add('/cluster/join', serveJoin, joins);
  add('/metrics', serveMetrics, { node, status });
  app.use(router.routes());
  app.use((ctx) => {
    bypassKoaResponse(ctx);
    const access = parts.accessOf?.(ctx.req);
    const isStranger = access !== undefined && access.name === undefined;
    send(ctx, isStranger ? problem(new MecError('unauthenticated')) : otherAnswer(ctx));
  });
  app.on('error', (error: NodeJS.ErrnoException) => {
    // A client that disconnects during a request is no fault of this node.
    if (
      error.code !== 'ERR_STREAM_PREMATURE_CLOSE' &&
      error.code !== 'ECONNRESET' &&
      error.code !== 'EPIPE'
    ) {
      env.log.error('request failed', { reason: messageOf(error) });
    }
  });
  return app;
}

/**
 * Keeps Koa from sending the answer. It sets headers one by one, which costs as much as the rest of
 * an answer.
 */
function bypassKoaResponse(ctx: Koa.Context): void {
  ctx.respond = false;
}

const EXPECTED =
  'The routes are /, /mec, /mec/KEY, /batch, /cluster/…, /ping, /ready, /health, /metrics, ' +
  '/status, /ui and /openapi.json.';

/** The answer to a request that no route has answered. */
function otherAnswer({ method, url, path }: Koa.Context): HttpAnswer {
  if (method === 'OPTIONS' && url === '*') return optionsAnswer(METHODS);
  const detail = path.startsWith('/cluster/') ? EXPECTED_OF_CLUSTER : EXPECTED;
  return problem(new MecError('no-such-route', { detail }));
}

/** The methods that some path has. */
const METHODS = ['GET', 'HEAD', 'PUT', 'POST', 'DELETE'];

/**
 * The limits of a request: its share of the node's memory, and the time that it may wait for it.
 */
interface ServingParts extends Gates {
  readonly env: Env;
  readonly config: Pick<Config, 'quorum'>;
  readonly recorder: Recorder;
}

async function serve(
  { req, res }: Exchange,
  handle: ToAnswer,
  { env, bodies, answers, addressOf, accessOf, config, recorder }: ServingParts,
): Promise<void> {
  let loan: BodyLoan | undefined;
  const access = accessOf?.(req);
  const read = async (limit: number): Promise<Uint8Array> => {
    const announced = announcedBytes(req);
    if (announced !== undefined && announced > limit) throw tooLarge(limit);
    const most = announced ?? limit;
    if (most <= HTTP_SMALL_BYTES) return readBody(req, res, { limit });
    loan = bodies.lend(addressOf(req), most, config.quorum.timeoutMs);
    return readBody(req, res, { limit, clock: env.clock, loan });
  };
  const body = async (limit: number): Promise<Uint8Array> => {
    const bytes = await read(limit);
    if (access?.isSigned === true) verifyDigest(req.headers, bytes);
    return bytes;
  };
  const chunks = (limit: number): AsyncIterable<Uint8Array> => {
    if ((announcedBytes(req) ?? 0) > limit) throw tooLarge(limit);
    // Nothing of a signed body may count before all of it is there.
    if (access?.isSigned === true) return wholeOf(body(limit));
    return readChunks(req, res, { limit, clock: env.clock });
  };
  const { method = '', url = '', headers } = req;
  const mark = url.indexOf('?');
  const path = mark < 0 ? url : url.slice(0, mark);
  const query = mark < 0 ? '' : url.slice(mark + 1);
  try {
    assertPlain(req);
    const caller = access?.name;
    const answer = await handle({ method, path, query, headers, body, chunks, access, caller });
    if (answer.error !== undefined) recorder.countError(answer.error);
    if (answer.stream === undefined)
      send({ req, res }, countUntilTaken({ req, res }, answer, { answers, addressOf }));
    else await sendStream({ req, res }, env.log, { ...answer, stream: answer.stream });
  } catch (thrown) {
    const error = toMecError(thrown);
    if (error.code === 'internal')
      env.log.error('request failed', { method, reason: messageOf(thrown) });
    recorder.countError(error.code);
    send({ req, res }, failure(method, error));
  } finally {
    loan?.close();
  }
}

/** A body as its only piece. */
async function* wholeOf(body: Promise<Uint8Array>): AsyncGenerator<Uint8Array> {
  yield await body;
}

/** Throws `bad-request` if the request is ambiguous: another server could read it differently. */
function assertPlain({ headers, rawHeaders }: IncomingMessage): void {
  const coding = headers['transfer-encoding'];
  if (coding !== undefined && coding.toLowerCase() !== 'chunked') {
    throw new MecError('bad-request', {
      detail: 'The only supported Transfer-Encoding is chunked',
    });
  }
  // Two of them arrive joined by a comma, which a single one may have in a quoted parameter.
  if (headers['content-type']?.includes(',') === true && countOf(rawHeaders, 'content-type') > 1)
    throw new MecError('bad-request', { detail: 'The request has more than one Content-Type' });
}

/** The number of headers with a name in lower case. */
const countOf = (rawHeaders: readonly string[], name: string): number =>
  rawHeaders.filter((text, i) => i % 2 === 0 && text.toLowerCase() === name).length;

/**
 * Counts a large answer until its client has taken it. Throws `overloaded` if slow readers already
 * fill the memory for answers.
 */
function countUntilTaken(
  { req, res }: Exchange,
  answer: HttpAnswer,
  { answers, addressOf }: Pick<Gates, 'answers' | 'addressOf'>,
): HttpAnswer {
  const bytes = answer.body?.length ?? 0;
  if (bytes <= HTTP_SMALL_BYTES) return answer;
  const address = addressOf(req);
  if (!answers.tryTake(address, bytes))
    throw new MecError('overloaded', {
      detail: 'The memory for answers to slow readers is full',
      retryAfter: 1,
    });
  whenClosed(req, res, () => answers.release(address, bytes));
  return answer;
}
