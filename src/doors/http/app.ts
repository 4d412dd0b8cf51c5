/** The Koa application: sockets to plain requests, plain answers to sockets, errors to problems. */
import Router from '@koa/router';
import Koa from 'koa';
import type { Clock, Env } from '../../base/env.ts';
import { utf8ToBytes } from '../../base/bytes.ts';
import { MecError, messageOf, toMecError } from '../../base/errors.ts';
import { HTTP_ONE_WRITE_BYTES, HTTP_SMALL_BYTES, MAX_HTTP_DRAIN_BYTES } from '../../base/limits.ts';
import type { MecNode } from '../../cluster/node.ts';
import { announcedBytes, readBody, tooLarge } from './body.ts';
import type { ByteGate } from './byte-gate.ts';
import { serveCluster } from './cluster-routes.ts';
import type { HttpAnswer, HttpRequest } from './exchange.ts';
import { serveKey } from './key-routes.ts';
import { serveKeys } from './keys-routes.ts';
import { answerCors } from './cors.ts';
import { onceOver } from './lifetime.ts';
import { openApi } from './openapi.ts';
import { problem } from './problem.ts';
import { sendStream } from './stream.ts';

/** What bounds the memory that requests hold. */
export interface Gates {
  readonly bodies: ByteGate;
  readonly answers: ByteGate;
}

/** What the application serves. */
export interface AppOptions {
  readonly node: MecNode;
  readonly env: Env;
  /** Of this software. */
  readonly version: string;
  readonly gates: Gates;
  /** The whole of `/status`. */
  readonly status: () => Record<string, unknown>;
  /** Why the node is not to be sent requests now; undefined where it is. */
  readonly whyNotReady: () => MecError | undefined;
}

/** Makes the application; its `callback()` goes into an HTTP server. */
export function createApp({ node, env, version, gates, status, whyNotReady }: AppOptions): Koa {
  const app = new Koa();
  const router = new Router();
  const routes = { node, env };
  const document = `${JSON.stringify(openApi(version))}\n`;
  const { origins } = node.config.http;
  const holds = { ...gates, clock: env.clock, timeoutMs: node.config.quorum.timeoutMs };
  router.all(/^\/mec\//, async (ctx) => serve(ctx, env, (request) => serveKey(routes, request), holds));
  router.all(/^\/mec$/, async (ctx) => serve(ctx, env, (request) => serveKeys(routes, request), holds));
  router.all(/^\/cluster\//, async (ctx) => serve(ctx, env, (request) => serveCluster(node, request), holds));
  router.get('/ping', (ctx) => send(ctx, plain('text/plain; charset=utf-8', 'pong\n')));
  router.get('/ready', (ctx) => {
    const reason = whyNotReady();
    send(ctx, reason === undefined ? plain('text/plain; charset=utf-8', 'ready\n') : problem(reason));
  });
  router.get('/status', (ctx) => send(ctx, plain('application/json', `${JSON.stringify(status(), null, 2)}\n`)));
  router.get('/openapi.json', (ctx) => send(ctx, plain('application/json', document)));
  if (origins.length > 0) app.use((ctx, next) => (answerCors(origins, ctx.req, ctx.res) ? over(ctx) : next()));
  app.use(router.routes());
  app.use((ctx) => send(ctx, ctx.matched?.length ? notAllowed() : noSuchRoute()));
  app.on('error', (error: NodeJS.ErrnoException) => {
    // A client that goes away in the middle is no event.
    if (error.code !== 'ERR_STREAM_PREMATURE_CLOSE' && error.code !== 'ECONNRESET' && error.code !== 'EPIPE') {
      env.log.error('request failed', { reason: messageOf(error) });
    }
  });
  return app;
}

/** Koa has nothing to add. */
function over(ctx: Koa.Context): void {
  ctx.respond = false;
}

const plain = (type: string, text: string): HttpAnswer => ({
  status: 200,
  headers: { 'Content-Type': type },
  body: utf8ToBytes(text),
});

const ROUTES = '/mec, /mec/KEY, /cluster/…, /ping, /ready, /status and /openapi.json';

const noSuchRoute = (): HttpAnswer => problem(new MecError('no-such-route', { detail: `There are ${ROUTES}.` }));

const notAllowed = (): HttpAnswer => problem(new MecError('method-not-allowed'), { Allow: 'GET, HEAD' });

/** What a request may hold of the node's memory, and for how long it may wait for it. */
interface Holds extends Gates {
  readonly clock: Clock;
  readonly timeoutMs: number;
}

async function serve(
  ctx: Koa.Context,
  env: Env,
  handle: (request: HttpRequest) => Promise<HttpAnswer>,
  holds: Holds,
): Promise<void> {
  let lent = 0;
  const body = async (limit: number): Promise<Uint8Array> => {
    const announced = announcedBytes(ctx.req);
    if (announced !== undefined && announced > limit) throw tooLarge(limit);
    const bytes = announced ?? limit;
    const isLarge = bytes > HTTP_SMALL_BYTES;
    if (isLarge) {
      await holds.bodies.take(bytes, holds.timeoutMs);
      lent = bytes;
    }
    return readBody(ctx.req, ctx.res, { limit, stallClock: isLarge ? holds.clock : undefined });
  };
  const { method = '', url = '', headers } = ctx.req;
  const mark = url.indexOf('?');
  const path = mark < 0 ? url : url.slice(0, mark);
  const query = mark < 0 ? '' : url.slice(mark + 1);
  try {
    assertPlain(ctx.req);
    const answer = await handle({ method, path, query, headers, body });
    if (answer.stream === undefined) send(ctx, hold(ctx, answer, holds.answers));
    else {
      ctx.respond = false;
      await sendStream(ctx, env.log, { ...answer, stream: answer.stream });
    }
  } catch (thrown) {
    const error = toMecError(thrown);
    if (error.code === 'internal') env.log.error('request failed', { method, reason: messageOf(thrown) });
    send(ctx, problem(error));
  } finally {
    holds.bodies.give(lent);
  }
}

/** What could be read in two ways is not read at all. */
function assertPlain({ headers, rawHeaders }: Koa.Context['req']): void {
  const coding = headers['transfer-encoding'];
  if (coding !== undefined && coding.toLowerCase() !== 'chunked') {
    throw new MecError('bad-request', { detail: 'The only Transfer-Encoding is chunked' });
  }
  let types = 0;
  for (let i = 0; i < rawHeaders.length; i += 2) {
    const name = rawHeaders[i] as string;
    if (name.length === CONTENT_TYPE.length && name.toLowerCase() === CONTENT_TYPE) types += 1;
  }
  if (types > 1) throw new MecError('bad-request', { detail: 'There is more than one Content-Type' });
}

const CONTENT_TYPE = 'content-type';

/** A large answer counts until its client has taken it; where too much is waiting for slow readers already, there is none. */
function hold(ctx: Koa.Context, answer: HttpAnswer, answers: ByteGate): HttpAnswer {
  const bytes = answer.body?.length ?? 0;
  if (bytes <= HTTP_SMALL_BYTES) return answer;
  if (!answers.tryTake(bytes)) throw new MecError('overloaded', { detail: 'Clients read too slowly', retryAfter: 1 });
  onceOver(ctx.req, ctx.res, () => answers.give(bytes));
  return answer;
}

/** Koa routes, but does not respond: its own way of setting headers one by one costs as much as all the rest of an answer. */
function send(ctx: Koa.Context, { status, headers, body }: HttpAnswer): void {
  const { req, res } = ctx;
  ctx.respond = false;
  if (res.destroyed || res.headersSent) return;
  // The rest of a body that was refused is read and thrown away, so that the client sees the answer; but not without end.
  if (!req.complete && (announcedBytes(req) ?? Infinity) > MAX_HTTP_DRAIN_BYTES) res.setHeader('Connection', 'close');
  if (body === undefined) {
    res.writeHead(status, headers).end();
    return;
  }
  res.writeHead(status, { ...headers, 'Content-Length': body.length });
  if (req.method === 'HEAD' || body.length === 0) res.end();
  else if (body.length > HTTP_ONE_WRITE_BYTES) res.end(body);
  // As text, a small body leaves in one piece with its head.
  else res.end(Buffer.from(body.buffer, body.byteOffset, body.length).toString('latin1'), 'latin1');
}
