/** The metrics: their format, their size, the time to print them, and what they count. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { test } from 'node:test';
import { MAX_HTTP_IN_FLIGHT } from '../../src/http/limits.ts';
import { printMetrics } from '../../src/http/metrics.ts';
import { operationOf } from '../../src/http/metrics-route.ts';
import { startNode } from '../../src/index.ts';
import { eventually } from '../fixtures/cluster.ts';
import { send } from '../fixtures/http.ts';
import { factsWith } from '../fixtures/metrics-facts.ts';
import { findPromtool, readMetrics } from '../fixtures/prometheus.ts';

const promtool = findPromtool();

for (const peers of [0, 3, 100]) {
  test(`the metrics of a node with ${peers} peers keep to the format`, () => {
    const text = printMetrics(factsWith(peers), false);
    const families = readMetrics(text);
    assert.ok(families.size > 30);
    assert.ok(text.split('\n').length <= 2_000, 'at most 2 000 lines');
    if (promtool === undefined) return;
    const { stdout, stderr, status } = spawnSync(promtool, ['check', 'metrics'], {
      input: text,
      encoding: 'utf8',
    });
    assert.deepEqual([status, stdout, stderr], [0, '', '']);
  });
}

test('the reader of metrics finds breaches of the format', () => {
  const good = '# HELP mec_a A.\n# TYPE mec_a gauge\nmec_a{b="c"} 1\n';
  assert.equal(readMetrics(good).size, 1);
  for (const bad of [
    good.slice(0, -1),
    good.replace(' 1', ''),
    good.replace('"c"', 'c'),
    good.replace('# HELP', '# HILF'),
    good.replaceAll('mec_a', 'mec_a_total'),
    good + good,
    good.replace('{b="c"}', '{b="c}'),
    good.replaceAll('mec_a', 'mec_a_ms'),
    good.replaceAll('gauge', 'histogram'),
    good.replace('} 1', '} NaN'),
  ])
    assert.throws(() => readMetrics(bad), bad);
});

test('of a hundred peers, the eight worst and the sum of the others are shown', () => {
  const families = readMetrics(printMetrics(factsWith(100), false));
  const up = families.get('mec_peer_up')?.samples ?? new Map<string, number>();
  assert.equal(up.size, 9);
  assert.equal(up.get('mec_peer_up{peer="node-7"}'), 0, 'the one that does not answer');
  assert.equal(up.get('mec_peer_up{peer="(others)"}'), 92);
  const pending = families.get('mec_peer_pending')?.samples ?? new Map<string, number>();
  assert.equal(
    [...pending.values()].reduce((a, b) => a + b),
    300,
    'the sum is of all',
  );
  const pulled = families.get('mec_sync_pulled_objects_total')?.samples;
  assert.equal(
    [...(pulled?.values() ?? [])].reduce((a, b) => a + b),
    4_950,
  );
});

test('a value that is not known is absent, and never 0', () => {
  const facts = factsWith(1);
  const failed = {
    ...facts,
    status: { ...facts.status, store: { state: 'disk-full', sync: true }, uptimeMs: undefined },
    measures: { ...facts.measures, disk: undefined, loopLagMs: undefined },
    process: { ...facts.process, openFiles: undefined },
  };
  const names = [...readMetrics(printMetrics(failed, false)).keys()];
  for (const absent of [
    'mec_store_keys',
    'mec_store_disk_bytes',
    'mec_store_disk_free_bytes',
    'mec_store_unreadable_keys',
    'mec_event_loop_lag_seconds',
    'process_open_fds',
    'mec_uptime_seconds',
  ])
    assert.ok(!names.includes(absent), absent);
  assert.equal(
    readMetrics(printMetrics(failed, false)).get('mec_store_up')?.samples.get('mec_store_up'),
    0,
  );
});

test('OpenMetrics names counters without _total, and ends with its own line', () => {
  const text = printMetrics(factsWith(1), true);
  assert.match(text, /^# TYPE mec_errors counter\nmec_errors_total\{code="timeout"\} 1$/m);
  assert.match(text, /\n# EOF\n$/);
  assert.doesNotMatch(printMetrics(factsWith(1), false), /EOF/);
});

test('a histogram has each time in its bucket, in seconds', () => {
  const { samples } =
    readMetrics(printMetrics(factsWith(0), false)).get('mec_http_request_duration_seconds') ??
    assert.fail('there is none');
  const bucket = (le: string): number | undefined =>
    samples.get(`mec_http_request_duration_seconds_bucket{operation="get",le="${le}"}`);
  assert.deepEqual(['0.00025', '0.0025', '0.005', '2.5', '+Inf'].map(bucket), [2, 2, 3, 3, 4]);
  const sum = samples.get('mec_http_request_duration_seconds_sum{operation="get"}') ?? 0;
  assert.ok(Math.abs(sum - 9.00335) < 1e-9);
});

test('metrics of a hundred nodes are printed in ten milliseconds', () => {
  const facts = factsWith(100);
  const times = Array.from({ length: 31 }, () => {
    const startMs = performance.now();
    printMetrics(facts, false);
    return performance.now() - startMs;
  });
  // A busy machine interrupts most of them.
  const quickest = Math.min(...times);
  assert.ok(quickest <= 10, `${quickest} ms`);
});

test('each request counts as its operation', () => {
  const table: readonly [string, string, string][] = [
    ['GET', '/mec/k', 'get'],
    ['HEAD', '/mec/k?r=1', 'head'],
    ['PUT', '/mec/k', 'put'],
    ['DELETE', '/mec/k', 'delete'],
    ['PATCH', '/mec/k', 'other'],
    ['GET', '/mec', 'list'],
    ['HEAD', '/mec?prefix=a', 'list'],
    ['POST', '/mec', 'post'],
    ['GET', '/mecca', 'other'],
    ['GET', '/status', 'other'],
    ['GET', '/metrics', 'other'],
  ];
  for (const [method, url, expected] of table)
    assert.equal(operationOf({ method, url }), expected, `${method} ${url}`);
});

test('a node counts what it answers, and answers metrics also when it is full', async (t) => {
  const node = await startNode({ http: { maxvalue: '1KiB' } });
  t.after(() => node.close());
  const metricsOf = async (): Promise<ReadonlyMap<string, number>> => {
    const { status, headers, text } = await send(`${node.url}/metrics`);
    assert.equal(status, 200);
    assert.equal(headers['content-type'], 'text/plain; version=0.0.4; charset=utf-8');
    return new Map([...readMetrics(text).values()].flatMap(({ samples }) => [...samples]));
  };
  const value = (name: string, all: ReadonlyMap<string, number>): number => all.get(name) ?? 0;
  const key = `${node.url}/mec/secret-key`;
  await send(key, { method: 'PUT', body: 'a' });
  await send(key, { method: 'PUT', body: 'b' });
  await send(key);
  await send(`${node.url}/mec/none`);
  await send(key, { method: 'PUT', body: 'x'.repeat(2_000) });
  await eventually('all are counted', async () => {
    const all = await metricsOf();
    return value('mec_http_requests_total{operation="put",status="4xx"}', all) === 1;
  });
  const all = await metricsOf();
  const expected: Readonly<Record<string, number>> = {
    'mec_http_requests_total{operation="put",status="2xx"}': 2,
    'mec_http_requests_total{operation="get",status="3xx"}': 1,
    'mec_http_requests_total{operation="get",status="4xx"}': 1,
    'mec_errors_total{code="not-found"}': 1,
    'mec_errors_total{code="value-too-large"}': 1,
    mec_conflicting_reads_total: 1,
    mec_siblings_created_total: 1,
    'mec_coordinate_duration_seconds_count{operation="write"}': 2,
    'mec_coordinate_duration_seconds_count{operation="read"}': 2,
    mec_ready: 1,
    mec_health: 0,
    mec_store_up: 1,
    'mec_partitions{role="owned"}': 256,
  };
  for (const [name, count] of Object.entries(expected)) assert.equal(all.get(name), count, name);
  assert.ok(value('mec_store_commit_rows_total', all) >= 2);
  assert.ok(value('mec_store_commit_duration_seconds_count', all) >= 1);
  assert.ok(value('process_resident_memory_bytes', all) > 1e6);
  assert.ok(value('process_cpu_seconds_total', all) > 0);
  for (const name of all.keys()) assert.ok(!name.includes('secret'), name);
  const open = await send(`${node.url}/metrics`, {
    headers: { Accept: 'application/openmetrics-text; version=1.0.0' },
  });
  assert.match(String(open.headers['content-type']), /^application\/openmetrics-text; version=1/);
  assert.match(open.text, /# EOF\n$/);
  assert.ok(MAX_HTTP_IN_FLIGHT > 0);
});
