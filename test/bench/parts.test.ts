/**
 * The parts of the benchmark that compute: draws, quantiles, profiles, targets, the plot, and the
 * counts of the load generator.
 */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { createServer, type RequestListener } from 'node:http';
import type { AddressInfo } from 'node:net';
import { test, type TestContext } from 'node:test';
import type { ClusterName } from './clusters.ts';
import { freshKeys, indexDrawer, keyName, seededRandom, zipfianRanks } from './draws.ts';
import { EXPERIMENTS } from './experiments.ts';
import { drain, quantile, RunningLoad } from './load.ts';
import { figuresOf, type Figures } from './measure.ts';
import { middleOf } from './metrics-cost.ts';
import { DEFAULT_ROWS, fullRows, rowsNamed } from './plan.ts';
import { plotRows } from './plot.ts';
import { BORDERS, CAUSALITY_FILES, type CpuProfile, sumProfiles } from './profile.ts';
import {
  clientMaker,
  etcdProtocol,
  loadedPrefix,
  loadingClients,
  mecProtocol,
  type Workload,
} from './requests.ts';
import { medianOf } from './rows.ts';
import { judge } from './targets.ts';

const KEYS = 1_000;

function counts(draw: () => number, draws: number): number[] {
  const found = Array.from({ length: KEYS }, () => 0);
  for (let i = 0; i < draws; i++) {
    const index = draw();
    found[index] = (found[index] ?? 0) + 1;
  }
  return found;
}

test('zipfian ranks are drawn with the expected frequencies', () => {
  const DRAWS = 400_000;
  let zeta = 0;
  for (let i = 1; i <= KEYS; i++) zeta += 1 / i ** 0.99;
  const found = counts(zipfianRanks(KEYS, seededRandom(1)), DRAWS);
  for (const [from, to] of [
    [0, 1],
    [1, 2],
    [2, 10],
    [10, 100],
    [100, 1000],
  ] as const) {
    let expected = 0;
    for (let rank = from; rank < to; rank++) expected += 1 / (rank + 1) ** 0.99 / zeta;
    const share = found.slice(from, to).reduce((sum, count) => sum + count, 0) / DRAWS;
    // The formula approximates all ranks but the first two.
    assert.ok(
      Math.abs(share / expected - 1) < 0.12,
      `ranks ${from}..${to}: ${share} instead of ${expected}`,
    );
  }
});

test('zipfian indexes are scattered ranks, and uniform indexes are equally frequent', () => {
  const zipfian = counts(indexDrawer('zipfian', KEYS, 1), 400_000);
  const ranks = counts(zipfianRanks(KEYS, seededRandom(1)), 400_000);
  assert.deepEqual(
    zipfian.toSorted((a, b) => a - b),
    ranks.toSorted((a, b) => a - b),
  );
  const [first, second] = [zipfian.indexOf(Math.max(...zipfian)), zipfian.indexOf(ranks[1] ?? 0)];
  assert.ok(Math.abs(first - second) > 10, 'the two most frequent keys are neighbours');
  const uniform = counts(indexDrawer('uniform', KEYS, 1), 400_000);
  assert.ok(
    Math.min(...uniform) > 300 && Math.max(...uniform) < 500,
    `${Math.min(...uniform)} to ${Math.max(...uniform)}`,
  );
});

test('fresh keys never repeat and are not in order', () => {
  const next = freshKeys('a-');
  const keys = Array.from({ length: 50_000 }, next);
  assert.equal(new Set(keys).size, keys.length);
  assert.notDeepEqual(keys.slice(0, 100), keys.slice(0, 100).toSorted());
});

test('quantiles use the nearest rank', () => {
  const sorted = Float64Array.from({ length: 100 }, (_, i) => i + 1);
  assert.deepEqual(
    [0.5, 0.99, 0.999, 1].map((share) => quantile(sorted, share)),
    [50, 99, 100, 100],
  );
  assert.equal(quantile(new Float64Array(), 0.5), 0);
});

const HERE = 'file:///home/src/elsewhere/';
const frame = (
  id: number,
  functionName: string,
  url: string,
  children: number[] = [],
): CpuProfile['nodes'][number] => ({
  id,
  callFrame: { functionName, url, lineNumber: 0 },
  children,
});

test('a profile is summed by place, and causality includes its callees', () => {
  const nodes = [
    frame(1, '(root)', '', [2, 3, 4]),
    frame(2, '(idle)', ''),
    frame(3, '(garbage collector)', ''),
    frame(4, 'put', `${HERE}src/cluster/coordinator/put.js`, [5, 8, 10]),
    frame(5, 'pack', `${HERE}src/core/causality/causal-context.js`, [6]),
    frame(6, 'packed', `${HERE}src/base/msgpack.js`, [7]),
    frame(7, 'encode', 'file:///x/node_modules/@msgpack/msgpack/dist.cjs/Encoder.cjs'),
    frame(8, 'send', `${HERE}src/transport/zeromq.js`, [9]),
    frame(9, 'nativeSend', ''),
    frame(10, 'writev', 'node:internal/stream_base_commons'),
  ];
  const samples = [1, 2, 3, 4, 5, 6, 7, 8, 9, 10];
  // The n-th sample lasts n ms, until the next one. The duration of the last is unknown.
  const timeDeltas = samples.map((n) => 1000 * (n - 1));
  const sums = sumProfiles([{ nodes, samples, timeDeltas }]);
  assert.equal(sums.idleMs, 2);
  assert.equal(sums.busyMs, 1 + 3 + 4 + 5 + 6 + 7 + 8 + 9);
  assert.equal(sums.causalityMs, 5);
  assert.equal(sums.causalityWithCalleesMs, 5 + 6 + 7);
  const places = Object.fromEntries(sums.places);
  assert.equal(
    places['zeromq'],
    8 + 9,
    'native code counts for its caller, and the file for its package',
  );
  assert.equal(places['@msgpack/msgpack'], 6 + 7);
  assert.equal(places['garbage collection'], 3);
  assert.equal(places['src/core'], 5);
  assert.equal(sums.files.get('src/transport/zeromq.ts'), 8 + 9);
  assert.equal(
    sumProfiles([{ nodes, samples, timeDeltas }], 28).busyMs,
    8 + 9,
    'a sample before 28 ms is left out',
  );
});

test('the files of a profile exist and use the listed packages', () => {
  const source = (file: string): string =>
    readFileSync(new URL(`../../../${file}`, import.meta.url), 'utf8');
  for (const file of CAUSALITY_FILES) assert.ok(source(file).length > 0, file);
  for (const [file, name] of Object.entries(BORDERS))
    assert.match(source(file), new RegExp(`(?:from |resolve\\()'${name}'`), file);
});

const figures = (varied: Partial<Figures>): Figures => ({
  ...figuresOf(
    {
      latenciesMs: new Float64Array(),
      durationMs: 1000,
      errors: 0,
      severalValues: 0,
      siblingWrites: 0,
    },
    { before: undefined, after: undefined, rssBytes: undefined },
  ),
  ...varied,
});

test('a target is judged by the figures of its row, if they were measured', () => {
  const rows = new Map<string, Map<ClusterName, Figures>>([
    [
      'get-100b-64c',
      new Map([
        ['skeleton', figures({ perSecond: 1000 })],
        ['MecDB', figures({ perSecond: 590, p50Ms: 1, p99Ms: 4 })],
      ]),
    ],
    [
      'put-1kib-64c',
      new Map([
        ['etcd', figures({ perSecond: 100 })],
        ['MecDB', figures({ perSecond: 150 })],
      ]),
    ],
  ]);
  const verdicts = judge({ rows, values: new Map([['causalityShare', 0.151]]) });
  const verdict = (start: string): (string | boolean | undefined)[] => {
    const { measured, isMet } = verdicts.find(({ what }) => what.startsWith(start)) ?? {};
    return [measured, isMet];
  };
  assert.deepEqual(verdict('GET 100 B'), ['59 %', false]);
  assert.deepEqual(verdict('GET p99 / p50'), ['4.00 ×', true]);
  assert.deepEqual(verdict('durable PUT 1 KiB'), ['1.50 ×', true]);
  assert.deepEqual(verdict('causality'), ['15 %', false]);
  assert.deepEqual(verdict('memory of an idle'), ['-', undefined]);
  for (const { only } of verdicts) {
    const isExperiment = EXPERIMENTS.some(({ name }) => name === only);
    assert.ok(isExperiment || rowsNamed(only).length === 1, `${only} is no row`);
  }
});

test('the plan finds rows by name and by prefix', () => {
  for (const rows of [DEFAULT_ROWS, fullRows()])
    assert.equal(new Set(rows.map(({ name }) => name)).size, rows.length);
  assert.deepEqual(
    rowsNamed('put-100b-1c').map(({ name }) => name),
    ['put-100b-1c'],
  );
  assert.ok(
    rowsNamed('rmw').length === 2 &&
      rowsNamed('get-100b').every(({ valueBytes }) => valueBytes === 100),
  );
  assert.deepEqual(rowsNamed('nothing'), []);
});

test('several rounds yield their median, with the errors of all', () => {
  const median = medianOf([3, 1, 2].map((perSecond) => figures({ perSecond, errors: 1 })));
  assert.deepEqual([median.perSecond, median.errors], [2, 3]);
});

test('the plot has a bar for each cluster but the skeleton, in proportion to its share', () => {
  const rows = new Map<string, Map<ClusterName, Figures>>([
    [
      'a<b',
      new Map([
        ['skeleton', figures({ perSecond: 200 })],
        ['MecDB', figures({ perSecond: 100 })],
        ['etcd', figures({ perSecond: 50 })],
      ]),
    ],
  ]);
  const svg = plotRows(rows, 'here');
  const widths = [...svg.matchAll(/<rect x="190" y="\d+" width="([\d.]+)"/g)].map(([, width]) =>
    Number(width),
  );
  assert.equal(widths.length, 2);
  assert.ok(Math.abs((widths[0] ?? 0) - 2 * (widths[1] ?? 0)) < 0.2, widths.join());
  assert.match(svg, /a&lt;b/);
  assert.match(svg, /50 % {2}100\/s/);
});

async function listen(t: TestContext, listener: RequestListener): Promise<number[]> {
  const server = createServer(listener).listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.after(() => {
    server.closeAllConnections();
    server.close();
  });
  return [(server.address() as AddressInfo).port];
}

const WORK: Workload = { operation: 'RMW', valueBytes: 10, keys: 5, distribution: 'uniform' };

test('read-modify-write sends the token of its read and counts siblings', async (t) => {
  let reads = 0;
  let wrong = 0;
  let enough: () => void = () => {};
  const lastToken = new Map<string, string>();
  const ports = await listen(t, (request, response) => {
    const key = request.url ?? '';
    if (request.method === 'GET') {
      lastToken.set(key, `token${reads++}`);
      if (reads > 20) enough();
      response.writeHead(300, { 'X-Mec-Vclock': lastToken.get(key) });
    } else {
      if (request.headers['x-mec-vclock'] !== lastToken.get(key)) wrong++;
      response.setHeader('X-Mec-Siblings', '2');
    }
    request.resume().on('end', () => response.end(''));
  });
  const load = new RunningLoad(
    { ports, makeClient: clientMaker(WORK, mecProtocol(10), 't') },
    { connections: 1 },
  );
  const result = await load.record(() => new Promise<void>((resolve) => (enough = resolve)));
  load.stop();
  assert.ok(result.latenciesMs.length > 10);
  assert.equal(wrong, 0);
  assert.equal(result.errors, 0);
  // An operation is a read and a write. The last one may be half done.
  assert.ok(Math.abs(result.severalValues - result.siblingWrites) <= 1);
  assert.ok(Math.abs(result.siblingWrites - result.latenciesMs.length) <= 1);
});

test('the load generator reads chunks to their end and counts failed requests', async (t) => {
  let requests = 0;
  const ports = await listen(t, (request, response) => {
    request.resume();
    const n = ++requests;
    if (n === 3) response.writeHead(503).end();
    else if (n === 5) response.destroy();
    else {
      // Two writes without a length are two chunks. The pause makes them two packets as well.
      response.write('x'.repeat(100_000));
      setTimeout(() => response.end('y'), 2);
    }
  });
  const protocol = etcdProtocol(1024);
  const keys = Array.from({ length: 10 }, (_, i) => keyName(loadedPrefix(WORK), i));
  const { done, errors } = await drain(
    { ports, makeClient: loadingClients(keys, protocol) },
    5_000,
    1,
  );
  assert.deepEqual([requests, done, errors], [10, 8, 2]);
});

test('requests to etcd are JSON with key and value in base64', async () => {
  const text = etcdProtocol(1000).put('a-key').toString();
  const [head = '', body = ''] = text.split('\r\n\r\n');
  const { key, value } = JSON.parse(body) as { key: string; value: string };
  assert.equal(Buffer.from(key, 'base64').toString(), 'a-key');
  assert.equal(Buffer.from(value, 'base64').length, 1002, 'whole groups of three bytes');
  assert.match(head, new RegExp(`Content-Length: ${body.length}$`));
});

test('a median has a range, which gets narrower with more numbers, and outliers do not move it', () => {
  const numbers = Array.from({ length: 101 }, (_, i) => i);
  assert.deepEqual(middleOf(numbers), { median: 50, from: 40, to: 60 });
  assert.deepEqual(middleOf([...numbers].reverse().map((n) => (n > 90 ? 1e9 : n))), {
    median: 50,
    from: 40,
    to: 60,
  });
  assert.deepEqual(middleOf([3, 1, 2]), { median: 2, from: 1, to: 3 });
  // The true median of such draws lies in the range in 95 of 100 runs.
  const random = seededRandom(7);
  let inside = 0;
  for (let run = 0; run < 1_000; run++) {
    const { from, to } = middleOf(Array.from({ length: 101 }, random));
    if (from <= 0.5 && 0.5 <= to) inside += 1;
  }
  assert.ok(inside > 920 && inside < 990, `${inside} of 1000`);
});
