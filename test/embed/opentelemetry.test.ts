/** Spans of OpenTelemetry: their parents, events and errors, and a program without the package. */
import assert from 'node:assert/strict';
import { AsyncLocalStorage } from 'node:async_hooks';
import { execFile } from 'node:child_process';
import { after, before, beforeEach, test } from 'node:test';
import { promisify } from 'node:util';
import {
  type Context,
  context,
  propagation,
  ROOT_CONTEXT,
  type Span,
  type SpanOptions,
  trace,
  type Tracer,
} from '@opentelemetry/api';
import { type EmbeddedCluster, startCluster } from '../../src/index.ts';
import { send } from '../fixtures/http.ts';

const run = promisify(execFile);
const INDEX = new URL('../../src/index.js', import.meta.url).href;
const TRACER = new URL('../../src/embed/opentelemetry.js', import.meta.url).href;
const TRACE = '0af7651916cd43dd8448eb211c80319c';
const PARENT = 'b7ad6b7169203331';

/** A span that has ended. */
interface EndedSpan {
  readonly name: string;
  readonly parent: string | undefined;
  readonly traceId: string | undefined;
  readonly attributes: Readonly<Record<string, unknown>>;
  readonly events: readonly { readonly node: unknown; readonly atMs: number }[];
  readonly failed: string | undefined;
  readonly startMs: number;
  readonly endMs: number;
}

const ended: EndedSpan[] = [];

/** A tracer that keeps the spans that have ended. */
const tracer = {
  startSpan(name: string, { attributes, startTime }: SpanOptions, within = context.active()): Span {
    const known = trace.getSpanContext(within);
    const all: Record<string, unknown> = { ...attributes };
    const events: EndedSpan['events'][number][] = [];
    let failed: string | undefined;
    const span = {
      spanContext: () => ({ traceId: TRACE, spanId: '1', traceFlags: 1 }),
      addEvent: (_: string, { 'mec.node': node }: Record<string, unknown>, atMs: number) =>
        void events.push({ node, atMs }),
      setAttribute: (key: string, value: unknown) => void (all[key] = value),
      setStatus: ({ message }: { message?: string }) => void (failed = message),
      end: (endMs: number) =>
        void ended.push({
          name,
          parent: known?.spanId,
          traceId: known?.traceId,
          attributes: all,
          events,
          failed,
          startMs: Number(startTime),
          endMs,
        }),
    };
    return span as unknown as Span;
  },
} as unknown as Tracer;

/** The parts of an SDK that a program registers: contexts that follow promises, and W3C headers. */
function registerSdk(): void {
  const storage = new AsyncLocalStorage<Context>();
  context.setGlobalContextManager({
    active: () => storage.getStore() ?? ROOT_CONTEXT,
    with: (present, fn, self, ...args) => storage.run(present, () => fn.apply(self, args)),
    bind: (_, target) => target,
    enable: () => assert.fail('it is enabled'),
    disable() {
      return this;
    },
  });
  propagation.setGlobalPropagator({
    inject: () => {},
    fields: () => ['traceparent'],
    extract: (present, carrier: Record<string, string>, getter) => {
      const header = String(getter.get(carrier, 'traceparent'));
      const [, traceId = '', spanId = ''] = header.split('-');
      return trace.setSpanContext(present, { traceId, spanId, traceFlags: 1 });
    },
  });
  trace.setGlobalTracerProvider({ getTracer: () => tracer });
}

let cluster: EmbeddedCluster;
before(async () => {
  registerSdk();
  cluster = await startCluster();
});
after(async () => {
  await cluster.close();
  for (const api of [trace, context, propagation]) api.disable();
});
beforeEach(() => void ended.splice(0));

const ask = (method: string, query = '', headers = {}): ReturnType<typeof send> =>
  send(`${cluster.urls[0]}/mec/secret-key${query}`, {
    method,
    headers,
    body: method === 'PUT' ? 'x' : undefined,
  });

test('a request is a span of the trace in its headers, with an event for each answer', async () => {
  const headers = { traceparent: `00-${TRACE}-${PARENT}-01` };
  assert.equal((await ask('PUT', '?w=all', headers)).status, 200);
  assert.equal((await ask('GET', '?r=all', headers)).status, 200);
  assert.deepEqual(
    ended.map(({ name, parent, traceId }) => [name, parent, traceId]),
    [
      ['mec.put', PARENT, TRACE],
      ['mec.get', PARENT, TRACE],
    ],
  );
  for (const { events, startMs, endMs, attributes } of ended) {
    assert.deepEqual(new Set(events.map(({ node }) => node)), new Set(['n1', 'n2', 'n3']));
    for (const { atMs } of events) assert.ok(startMs <= atMs && atMs <= endMs);
    assert.ok(Math.abs(Date.now() - endMs) < 60_000);
    assert.equal(attributes['mec.hedged'], 0);
  }
  assert.ok(!JSON.stringify(ended).includes('secret'), 'no span names a key');
});

test('a span without a trace in the headers has no parent, and one that fails has its code', async () => {
  cluster.partition([0], [1, 2]);
  const { status } = await ask('GET', '?r=all&timeout=300');
  cluster.heal();
  assert.ok(status === 503 || status === 504);
  const [span] = ended;
  assert.equal(span?.parent, undefined);
  assert.ok(['timeout', 'quorum-not-met'].includes(span?.failed ?? ''), span?.failed);
  await cluster.whole();
});

test('a program without the package runs as before', async () => {
  const hooks = `export const resolve = (name, context, next) => {
    if (name === '@opentelemetry/api')
      throw Object.assign(new Error('absent'), { code: 'ERR_MODULE_NOT_FOUND' });
    return next(name, context);
  };`;
  const program = `
    import { register } from 'node:module';
    register('data:text/javascript,' + encodeURIComponent(${JSON.stringify(hooks)}));
    const { startNode } = await import('${INDEX}');
    const { openTelemetryTracer } = await import('${TRACER}');
    const node = await startNode();
    const { status } = await fetch(node.url + '/mec/k', { method: 'PUT', body: 'x' });
    await node.close();
    console.log(status, await openTelemetryTracer('1'));`;
  const { stdout } = await run(process.execPath, ['--input-type=module', '--eval', program]);
  assert.equal(stdout, '200 undefined\n');
});
