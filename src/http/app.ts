/**
 * Turns sockets into plain requests, plain answers into responses, and errors into problem
 * documents. Requests for keys go directly to their routes. All others go through Koa, which with
 * its router costs more than reading an object and making its answer.
 */
import Router from '@koa/router';
import type { IncomingMessage, ServerResponse } from 'node:http';
import Koa from 'koa';
import type { Env } from '../base/env.ts';
import { utf8ToBytes } from '../base/bytes.ts';
import { MecError, messageOf, toMecError } from '../base/errors.ts';
import { HTTP_SMALL_BYTES } from './limits.ts';
import type { Recorder } from '../base/recorder.ts';
import type { Tracer } from '../base/tracer.ts';
import type { Config } from '../cluster/config.ts';
import type { MecNode } from '../cluster/node.ts';
import type { AnswerMemory } from './answer-memory.ts';
import { announcedBytes, readBody, readChunks, tooLarge } from './body.ts';
import type { BodyLoan, BodyMemory } from './body-memory.ts';
import type { ClientAddress } from './client-addresses.ts';
import { serveBatch } from './batch-route.ts';
import { serveCluster } from './cluster-routes.ts';
import type { HttpAnswer, HttpRequest } from './exchange.ts';
import { serveKey } from './key-routes.ts';
import { serveKeys } from './list-routes.ts';
import { KEY_PREFIX } from './request.ts';
import { whenClosed } from './when-closed.ts';
import { healthAnswer } from './health-answer.ts';
import type { ServerStatus } from './server-status.ts';
import { serveMetrics } from './metrics-route.ts';
import { optionsAnswer } from './methods.ts';
import { openApi } from './openapi.ts';
import { type Pages, servePages } from './pages.ts';
import { failure, problem } from './problem.ts';
import { send } from './send.ts';
import { type Exchange, sendStream } from './stream.ts';

/** The limits on memory that requests use. */
export interface Gates {
  readonly bodies: BodyMemory;
  readonly answers: AnswerMemory;
  /** The address whose part of the memory a request takes. */
  readonly addressOf: (request: IncomingMessage) => ClientAddress;
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

type Route = (request: HttpRequest) => Promise<HttpAnswer>;

/** A route whose operations are a part of the trace that a request names. */
const tracedBy = (tracer: Tracer | undefined, serve: Route): Route =>
  tracer === undefined ? serve : (request) => tracer.within(request.headers, () => serve(request));

function createApp(
  { node, env, version, status, pages, whyNotReady }: AppOptions,
  parts: ServingParts,
): Koa {
  const app = new Koa();
  // Paths are exact: no other case, and no slash at the end.
  const router = new Router({ sensitive: true, strict: true });
  const routes = { node, env };
  const document = `${JSON.stringify(openApi(version))}\n`;
  const toMiddleware =
    (handle: (request: HttpRequest) => Promise<HttpAnswer>) => (ctx: Koa.Context) => {
      bypassKoaResponse(ctx);
      return serve(ctx, handle, parts);
    };
  router.all(
    /^\/mec$/,
    toMiddleware(tracedBy(env.tracer, (request) => serveKeys(routes, request))),
  );
  const batchRoutes = { node, env, batches: { count: 0 } };
  router.all(
    /^\/batch$/,
    toMiddleware(tracedBy(env.tracer, (request) => serveBatch(batchRoutes, request))),
  );
  router.all(
    /^\/cluster\//,
    toMiddleware((request) => serveCluster(node, request)),
  );
  const about = { pages, name: node.config.name, version };
  router.all(
    /^\/(?:ui(?:\/.*)?)?$/,
    toMiddleware((request) => servePages(about, request)),
  );
  router.get(
    '/ping',
    reply(() => plain('text/plain; charset=utf-8', 'pong\n')),
  );
  router.get(
    '/ready',
    reply(({ method }) => {
      const reason = whyNotReady();
      return reason === undefined
        ? plain('text/plain; charset=utf-8', 'ready\n')
        : failure(method, reason);
    }),
  );
  router.get(
    '/status',
    reply(() => plain('application/json', `${JSON.stringify(status(), null, 2)}\n`)),
  );
  router.get(
    '/health',
    reply(() => healthAnswer(node.sight.health.verdict())),
  );
  router.all(
    '/metrics',
    toMiddleware((request) => serveMetrics({ node, status }, request)),
  );
  router.get(
    '/openapi.json',
    reply(() => plain('application/json', document)),
  );
  app.use(router.routes());
  app.use(reply(otherAnswer));
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

const reply =
  (answer: (ctx: Koa.Context) => HttpAnswer) =>
  (ctx: Koa.Context): void => {
    bypassKoaResponse(ctx);
    send(ctx, answer(ctx));
  };

const plain = (type: string, text: string): HttpAnswer => ({
  status: 200,
  headers: { 'Content-Type': type },
  body: utf8ToBytes(text),
});

const ROUTES =
  '/, /mec, /mec/KEY, /batch, /cluster/…, /ping, /ready, /health, /metrics, /status, /ui and /openapi.json';

const noSuchRoute = (): HttpAnswer =>
  problem(new MecError('no-such-route', { detail: `The routes are ${ROUTES}.` }));

/** The answer to a request that no route has answered. */
function otherAnswer({ method, url, matched = [] }: Koa.Context): HttpAnswer {
  if (method === 'OPTIONS' && url === '*') return optionsAnswer(METHODS);
  if (matched.length === 0) return noSuchRoute();
  const options = optionsAnswer(['GET', 'HEAD']);
  return method === 'OPTIONS'
    ? options
    : problem(new MecError('method-not-allowed'), options.headers);
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
  handle: (request: HttpRequest) => Promise<HttpAnswer>,
  { env, bodies, answers, addressOf, config, recorder }: ServingParts,
): Promise<void> {
  let loan: BodyLoan | undefined;
  const body = async (limit: number): Promise<Uint8Array> => {
    const announced = announcedBytes(req);
    if (announced !== undefined && announced > limit) throw tooLarge(limit);
    const most = announced ?? limit;
    if (most <= HTTP_SMALL_BYTES) return readBody(req, res, { limit });
    loan = bodies.lend(addressOf(req), most, config.quorum.timeoutMs);
    return readBody(req, res, { limit, clock: env.clock, loan });
  };
  const chunks = (limit: number): AsyncIterable<Uint8Array> => {
    if ((announcedBytes(req) ?? 0) > limit) throw tooLarge(limit);
    return readChunks(req, res, { limit, clock: env.clock });
  };
  const { method = '', url = '', headers } = req;
  const mark = url.indexOf('?');
  const path = mark < 0 ? url : url.slice(0, mark);
  const query = mark < 0 ? '' : url.slice(mark + 1);
  try {
    assertPlain(req);
    const answer = await handle({ method, path, query, headers, body, chunks });
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
