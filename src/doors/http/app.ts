/** The Koa application: sockets to plain requests, plain answers to sockets, errors to problems. */
import Router from '@koa/router';
import Koa from 'koa';
import type { Env } from '../../base/env.ts';
import { utf8ToBytes } from '../../base/bytes.ts';
import { MecError, messageOf, toMecError } from '../../base/errors.ts';
import { MAX_HTTP_DRAIN_BYTES } from '../../base/limits.ts';
import type { MecNode } from '../../cluster/node.ts';
import { announcedBytes, readBody, tooLarge } from './body.ts';
import type { ByteGate } from './byte-gate.ts';
import type { HttpAnswer, HttpRequest } from './exchange.ts';
import { serveKey } from './key-routes.ts';
import { problem } from './problem.ts';

/** What the application serves. */
export interface AppOptions {
  readonly node: MecNode;
  readonly env: Env;
  readonly bodies: ByteGate;
  /** The whole of `/status`. */
  readonly status: () => Record<string, unknown>;
}

/** Makes the application; its `callback()` goes into an HTTP server. */
export function createApp({ node, env, bodies, status }: AppOptions): Koa {
  const app = new Koa();
  const router = new Router();
  const routes = { node, env };
  const gate = { bodies, timeoutMs: node.config.quorum.timeoutMs };
  router.all(/^\/mec\//, async (ctx) => serve(ctx, env, (request) => serveKey(routes, request), gate));
  router.get('/ping', (ctx) => send(ctx, plain('text/plain; charset=utf-8', 'pong\n')));
  router.get('/status', (ctx) => send(ctx, plain('application/json', `${JSON.stringify(status(), null, 2)}\n`)));
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

const plain = (type: string, text: string): HttpAnswer => ({
  status: 200,
  headers: { 'Content-Type': type },
  body: utf8ToBytes(text),
});

const noSuchRoute = (): HttpAnswer =>
  problem(new MecError('no-such-route', { detail: 'There are /mec/KEY, /ping and /status.' }));

const notAllowed = (): HttpAnswer => problem(new MecError('method-not-allowed'), { Allow: 'GET, HEAD' });

interface Gate {
  readonly bodies: ByteGate;
  readonly timeoutMs: number;
}

async function serve(
  ctx: Koa.Context,
  env: Env,
  handle: (request: HttpRequest) => Promise<HttpAnswer>,
  gate: Gate,
): Promise<void> {
  let lent = 0;
  const body = async (limit: number): Promise<Uint8Array> => {
    const announced = announcedBytes(ctx.req);
    if (announced !== undefined && announced > limit) throw tooLarge(limit);
    const bytes = announced ?? limit;
    await gate.bodies.take(bytes, gate.timeoutMs);
    lent = bytes;
    return readBody(ctx.req, ctx.res, limit);
  };
  const { method, path, querystring: query, headers } = ctx;
  try {
    send(ctx, await handle({ method, path, query, headers, body }));
  } catch (thrown) {
    const error = toMecError(thrown);
    if (error.code === 'internal') env.log.error('request failed', { method, reason: messageOf(thrown) });
    send(ctx, problem(error));
  } finally {
    gate.bodies.give(lent);
  }
}

function send(ctx: Koa.Context, { status, headers, body }: HttpAnswer): void {
  // The rest of a body that was refused is read and thrown away, so that the client sees the answer; but not without end.
  if (!ctx.req.complete && (announcedBytes(ctx.req) ?? Infinity) > MAX_HTTP_DRAIN_BYTES) ctx.set('Connection', 'close');
  ctx.status = status;
  ctx.set(headers as Record<string, string>);
  if (body === undefined) return;
  ctx.body = Buffer.from(body.buffer, body.byteOffset, body.length);
  if (headers['Content-Type'] === undefined) ctx.remove('Content-Type');
}
