/** The routes that explain a cluster to operators: keys, hot and large ones, and slow requests. */
import { utf8ToBytes } from '../base/bytes.ts';
import { MecError } from '../base/errors.ts';
import { TOP_ORDERS, type TopOrder } from '../cluster/insight/top.ts';
import type { MecNode } from '../cluster/node.ts';
import type { HttpAnswer, HttpRequest } from './exchange.ts';
import { byMethod, type Serve } from './methods.ts';
import { keyOf } from './request.ts';

const EXPLAIN = '/cluster/explain/';

/** A route below `/cluster/`. */
export interface ClusterRoute {
  readonly path: RegExp;
  readonly serve: Serve<MecNode>;
}

/** The routes, each with its path. */
export const INSIGHT_ROUTES: readonly ClusterRoute[] = [
  { path: /^\/cluster\/explain\/./, serve: byMethod('/cluster/explain/{key}', { GET: explain }) },
  { path: /^\/cluster\/top$/, serve: byMethod('/cluster/top', { GET: top }) },
  { path: /^\/cluster\/slow$/, serve: byMethod('/cluster/slow', { GET: slow }) },
  { path: /^\/cluster\/status$/, serve: byMethod('/cluster/status', { GET: status }) },
];

const json = (document: unknown): HttpAnswer => ({
  status: 200,
  headers: { 'Content-Type': 'application/json' },
  body: utf8ToBytes(`${JSON.stringify(document, null, 2)}\n`),
});

/** The value of the only parameter that a request may have; undefined if it has none. */
function onlyParameter({ query }: HttpRequest, name: string): string | undefined {
  if (query === '') return undefined;
  const parameters = [...new URLSearchParams(query)];
  const [[given, value] = ['', '']] = parameters;
  if (parameters.length === 1 && given === name) return value;
  throw new MecError('bad-parameter', {
    parameter: parameters.find(([other]) => other !== name)?.[0] ?? name,
    detail: `This request takes the parameter ${name}, once.`,
  });
}

async function explain(node: MecNode, request: HttpRequest): Promise<HttpAnswer> {
  const key = keyOf(request.path, EXPLAIN);
  const token = onlyParameter(request, 'token');
  const received = token === undefined ? undefined : node.tokens.decode(token, key);
  return json(await node.sight.explain(key, received?.context));
}

async function top(node: MecNode, request: HttpRequest): Promise<HttpAnswer> {
  const given = onlyParameter(request, 'by') ?? 'reads';
  const by = TOP_ORDERS.find((order): order is TopOrder => order === given);
  if (by === undefined)
    throw new MecError('bad-parameter', {
      parameter: 'by',
      detail: `The parameter by must be one of ${TOP_ORDERS.join(', ')}`,
    });
  return json(await node.sight.topOfAll(by));
}

/** Throws `bad-parameter` if a request has a parameter. */
function assertNoParameters({ query }: HttpRequest): void {
  if (query !== '')
    throw new MecError('bad-parameter', { detail: 'This request takes no parameters.' });
}

async function slow(node: MecNode, request: HttpRequest): Promise<HttpAnswer> {
  assertNoParameters(request);
  return json(await node.sight.slowOfAll());
}

async function status(node: MecNode, request: HttpRequest): Promise<HttpAnswer> {
  assertNoParameters(request);
  return json(await node.sight.pulseOfAll());
}
