/** The page about metrics, the alert rules and the dashboard have the metrics of the source. */
import assert from 'node:assert/strict';
import { spawnSync, type SpawnSyncReturns } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { printMetrics } from '../../src/http/metrics.ts';
import { factsWith } from '../fixtures/metrics-facts.ts';
import { findPromtool, readMetrics } from '../fixtures/prometheus.ts';

const DOCS = new URL('../../../docs/', import.meta.url);
const textOf = (path: string): string => readFileSync(new URL(path, DOCS), 'utf8');
const families = readMetrics(printMetrics(factsWith(2), false));

/** All names of samples: those of histograms have suffixes. */
const SAMPLES = new Set(
  [...families.values()].flatMap(({ samples }) =>
    [...samples.keys()].map((id) => id.replace(/\{.*/, '')),
  ),
);

/** The metrics that a text names and that no node has. */
const unknownIn = (text: string): string[] => [
  ...new Set(
    [...text.matchAll(/\b(?:mec|process)_[a-z0-9_]+/g)]
      .map(([name]) => name)
      .filter((name) => !SAMPLES.has(name)),
  ),
];

test('the page about metrics has each metric with its type and its help', () => {
  const rows = [
    ...textOf('metrics.md').matchAll(/^\| `((?:mec|process)_\w+)` \| (\w+) \| (.*) \|$/gm),
  ];
  const shown = rows.map(([, name, type, help]) => `${name} ${type} ${help}`);
  const expected = [...families].map(([name, { type, help }]) => `${name} ${type} ${help}`);
  assert.deepEqual(shown, expected);
});

test('the alert rules, their tests and the dashboard name only metrics that there are', () => {
  for (const file of ['alerts.yml', 'alerts.test.yml', 'dashboard.json'])
    assert.deepEqual(unknownIn(textOf(`monitoring/${file}`)), [], file);
  assert.deepEqual(unknownIn('rate(mec_http_request_total[5m])'), ['mec_http_request_total']);
});

test('each alert is tested: it fires', () => {
  const alerts = [...textOf('monitoring/alerts.yml').matchAll(/- alert: (\w+)/g)].map(
    ([, name = '']) => name,
  );
  const cases = textOf('monitoring/alerts.test.yml').split(/(?=- eval_time:)/);
  const fired = cases.flatMap((one) =>
    one.includes('exp_alerts') ? (/alertname: (\w+)/.exec(one)?.[1] ?? []) : [],
  );
  assert.ok(alerts.length > 10);
  assert.deepEqual([...new Set(fired)].sort(), [...alerts].sort());
});

test('each panel of the dashboard has an expression, a unit and a place of its own', () => {
  const { panels, templating } = JSON.parse(textOf('monitoring/dashboard.json')) as {
    panels: {
      id: number;
      title: string;
      gridPos: { x: number; y: number; w: number; h: number };
      fieldConfig: { defaults: { unit: string } };
      targets: { expr: string; refId: string }[];
    }[];
    templating: { list: { name: string }[] };
  };
  assert.ok(panels.length > 10);
  const cells = new Set<string>();
  for (const { title, gridPos, fieldConfig, targets } of panels) {
    assert.ok(targets.length > 0 && fieldConfig.defaults.unit !== '', title);
    for (const { expr } of targets) assert.match(expr, /mec_|process_/, title);
    for (let x = gridPos.x; x < gridPos.x + gridPos.w; x++) {
      for (let y = gridPos.y; y < gridPos.y + gridPos.h; y++) {
        assert.ok(x < 24 && !cells.has(`${x} ${y}`), `${title} overlaps at ${x} ${y}`);
        cells.add(`${x} ${y}`);
      }
    }
  }
  const variables = templating.list.map(({ name }) => name);
  assert.deepEqual(variables, ['datasource', 'instance']);
  assert.equal(new Set(panels.map(({ id }) => id)).size, panels.length);
});

test('promtool accepts the rules, and their tests pass', (t) => {
  const promtool = findPromtool();
  if (promtool === undefined) return t.skip('promtool is not installed');
  const cwd = fileURLToPath(new URL('monitoring/', DOCS));
  for (const args of [
    ['check', 'config', '--syntax-only', 'prometheus.yml'],
    ['check', 'rules', 'alerts.yml'],
    ['test', 'rules', 'alerts.test.yml'],
  ]) {
    const ran: SpawnSyncReturns<string> = spawnSync(promtool, args, { cwd, encoding: 'utf8' });
    assert.equal(ran.status, 0, ran.stdout + ran.stderr);
  }
});
