/** The table of routes: every request of every route needs what the table says. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { serveBatch } from '../../src/http/batch-route.ts';
import { CLUSTER_ROUTES } from '../../src/http/cluster-routes.ts';
import type { HttpAnswer } from '../../src/http/exchange.ts';
import { serveKey } from '../../src/http/key-routes.ts';
import { serveKeys } from '../../src/http/list-routes.ts';
import { byMethod, type Methods, type Serve } from '../../src/http/methods.ts';
import { serveMetrics } from '../../src/http/metrics-route.ts';
import { NODE_ROUTES } from '../../src/http/node-routes.ts';
import { serveHome, servePages } from '../../src/http/pages.ts';
import { serveCancel, serveJoin, serveOffer, serveReload } from '../../src/http/security-routes.ts';
import { needOf, type RoutePath, ROUTES } from '../../src/http/route-table.ts';

test('the routes of the server are the rows of the table, each once', () => {
  const served: { readonly needs: unknown }[] = [
    serveKey,
    serveKeys,
    serveBatch,
    serveMetrics,
    serveReload,
    serveOffer,
    serveCancel,
    serveJoin,
    serveHome,
    servePages,
    ...CLUSTER_ROUTES.map(({ serve }) => serve),
    ...Object.values(NODE_ROUTES),
  ];
  const rows = Object.values(ROUTES);
  assert.equal(served.length, rows.length);
  for (const row of rows) assert.equal(served.filter(({ needs }) => needs === row).length, 1);
});

test('only two routes are open', () => {
  const open = Object.entries(ROUTES).flatMap(([path, row]) =>
    Object.values(row).some((need: string) => need === 'open') ? [path] : [],
  );
  assert.deepEqual(open, ['/ping', '/ready']);
});

type Handler = () => HttpAnswer;
type Accepts<Path extends RoutePath, Given> = Given extends Methods<Path, unknown> ? true : false;

test('a route of no row does not compile, nor one without all of its methods', () => {
  // The compiler checks each of these: with another value, the test would not build.
  const both: Accepts<'/mec', { GET: Handler; POST: Handler }> = true;
  const one: Accepts<'/mec', { GET: Handler }> = false;
  const path: '/nothing' extends RoutePath ? true : false = false;
  const plain: (() => Promise<HttpAnswer>) extends Serve<unknown> ? true : false = false;
  assert.deepEqual([both, one, path, plain], [true, false, false, false]);
  const answer = (): HttpAnswer => ({ status: 200, headers: {} });
  const made: Serve<unknown> = byMethod('/ping', { GET: answer });
  assert.equal(needOf(made.needs, 'HEAD'), 'open');
});
