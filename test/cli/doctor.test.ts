/** `mec doctor`: its checks as a table, and the command on a real cluster. */
import assert from 'node:assert/strict';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import {
  clusterChecks,
  type ClusterFacts,
  machineChecks,
  type MachineFacts,
} from '../../src/cli/doctor-checks.ts';
import { startCluster } from '../../src/index.ts';
import { freePorts } from '../fixtures/cluster.ts';
import { runMec } from '../fixtures/run-mec.ts';

const GIB = 1024 ** 3;
const WELL: MachineFacts = {
  nodeVersion: 'v20.19.0',
  mode: 'open',
  root: {
    path: '/data',
    unwritable: undefined,
    disk: { freeBytes: 50 * GIB, totalBytes: 100 * GIB },
  },
  ports: [7000, 7001, 3000].map((port) => ({ port, isFree: true })),
  seeds: [{ address: '10.0.0.2:7000', answers: true }],
};
const taken = [{ port: 7000, isFree: false }];
const silent = { address: '10.0.0.3:7000', answers: false };

const MACHINES: readonly (readonly [Partial<MachineFacts>, readonly string[]])[] = [
  [{}, []],
  [{ root: undefined, ports: [], seeds: [] }, []],
  [{ nodeVersion: 'v18.20.0' }, ['error node.js']],
  [{ nodeVersion: 'v9.0.0' }, ['error node.js']],
  [{ nodeVersion: 'v20.18.3' }, ['error node.js']],
  [{ nodeVersion: 'v21.7.0' }, ['error node.js']],
  [{ nodeVersion: 'v22.11.0' }, ['error node.js']],
  [{ nodeVersion: 'v22.12.0' }, []],
  [{ nodeVersion: 'v24.0.0' }, []],
  [{ mistake: 'node.toml:3: port: expected a port' }, ['error configuration']],
  [{ root: { path: '/data', unwritable: 'EACCES', disk: undefined } }, ['error disk']],
  [
    { root: { path: '/d', unwritable: undefined, disk: { freeBytes: 9, totalBytes: 100 } } },
    ['warning disk'],
  ],
  [{ root: { path: '/d', unwritable: undefined, disk: undefined } }, []],
  [{ ports: taken }, ['error ports']],
  [{ ports: taken, running: 'n1' }, []],
  [{ seeds: [...WELL.seeds, silent] }, ['warning [[node]]']],
  [{ seeds: [silent] }, ['error [[node]]']],
  [{ seeds: [] }, []],
  [{ mode: 'insecure' }, []],
  [{ mode: 'open', exposed: 'other machines reach 10.0.0.1' }, ['error security']],
];

for (const [facts, expected] of MACHINES) {
  test(`the checks of a machine with ${JSON.stringify(facts)}`, () => {
    const checks = machineChecks({ ...WELL, ...facts });
    const bad = checks.filter(({ result }) => result !== 'ok');
    assert.deepEqual(
      bad.map(({ result, subject }) => `${result} ${subject}`),
      expected,
    );
    for (const { todo = '' } of bad) assert.match(todo, /^[A-Z].*\.$/);
  });
}

const status = (
  name: string,
  version = '1.0.0',
  clockSkewMs = 3,
): ClusterFacts['statuses'][number] =>
  ({ name, version, peers: [{ clockSkewMs }] }) as unknown as ClusterFacts['statuses'][number];
const reason = (severity: 'degraded' | 'critical'): ClusterFacts['health'] => ({
  status: severity,
  reasons: [
    { code: 'disk-full', severity, since: '', what: 'It is full.', todo: 'Mend.', nodes: [] },
  ],
});
const CLUSTERS: readonly (readonly [Partial<ClusterFacts>, readonly string[]])[] = [
  [{}, []],
  [{ silent: ['n3'] }, ['warning http']],
  [{ statuses: [status('n1'), status('n2', '1.1.0')] }, ['warning versions']],
  [{ statuses: [status('n1', '1.0.0', -1_001)] }, ['warning clocks']],
  [{ health: reason('degraded') }, ['warning disk-full']],
  [{ health: reason('critical') }, ['error disk-full']],
];

for (const [facts, expected] of CLUSTERS) {
  test(`the checks of a cluster with ${JSON.stringify(facts).slice(0, 80)}`, () => {
    const well = { statuses: [status('n1'), status('n2')], silent: [] };
    const checks = clusterChecks({ ...well, health: { status: 'ok', reasons: [] }, ...facts });
    assert.deepEqual(
      checks
        .filter(({ result }) => result !== 'ok')
        .map(({ result, subject }) => `${result} ${subject}`),
      expected,
    );
  });
}

test('mec doctor checks a configuration before its start, and a cluster', async (t) => {
  const directory = await mkdtemp(join(tmpdir(), 'mec-doctor-'));
  const cluster = await startCluster();
  const port = await freePorts(3);
  const blocker = createServer((socket) => socket.destroy()).listen(port + 2, '127.0.0.1');
  t.after(async () => {
    blocker.close();
    await cluster.close();
    await rm(directory, { recursive: true, force: true });
  });
  const file = join(directory, 'node.toml');
  const [seed] = cluster.nodes;
  const write = (httpport: number): Promise<void> =>
    writeFile(
      file,
      `name = "n9"\nport = ${port}\nhttpport = ${httpport}\nroot = "data"\n` +
        `[[node]]\nport = ${seed?.config.port}\n`,
    );
  const doctor = (...args: readonly string[]): ReturnType<typeof runMec> =>
    runMec(['doctor', ...args], { env: { MEC_URL: cluster.urls[0] } });
  await write(port + 2);
  const blocked = await doctor(file);
  assert.equal(blocked.code, 2, blocked.out);
  assert.match(blocked.out, /^error {4}ports {10}\d+ in use by another program\n {24}End that/m);
  await new Promise((resolve) => blocker.close(resolve));
  const fine = await doctor(file, '--json');
  const checks = JSON.parse(fine.out) as { subject: string; result: string }[];
  const subjects = ['node.js', 'configuration', 'disk', 'ports', '[[node]]', 'http', 'versions'];
  for (const subject of [...subjects, 'clocks'])
    assert.ok(
      checks.some((check) => check.subject === subject && check.result === 'ok'),
      fine.out,
    );
  await writeFile(file, 'host = "203.0.113.1"\n');
  const exposed = await doctor(file);
  assert.match(exposed.out, /^error {4}security {7}host: other machines reach 203\.0\.113\.1, /m);
  await writeFile(file, 'httpport = "x"\n');
  const mistaken = await doctor(file);
  assert.equal(mistaken.code, 2);
  assert.match(
    mistaken.out,
    /^error {4}configuration {2}.*node\.toml:1: httpport: expected a port/m,
  );
  const nowhere = await doctor('--url', `http://127.0.0.1:${port}`, '--timeout', '500');
  assert.equal(nowhere.code, 2);
  assert.match(nowhere.out, /^error {4}cluster .*\n +Name a running node/m);
});

test('mec doctor looks at the directory, the entries, and a node that runs already', async (t) => {
  const directory = await mkdtemp(join(tmpdir(), 'mec-doctor-'));
  const cluster = await startCluster();
  t.after(async () => {
    await cluster.close();
    await rm(directory, { recursive: true, force: true });
  });
  const file = join(directory, 'node.toml');
  const { port, httpport } = cluster.nodes[0]?.config ?? assert.fail();
  const free = await freePorts(4);
  const entry = (at: number): string => `[[node]]\nport = ${at}\n`;
  const ask = async (lines: string): ReturnType<typeof runMec> => {
    await writeFile(file, lines);
    return runMec(['doctor', file], { env: { MEC_URL: cluster.urls[0] } });
  };
  const own = `port = ${free}\nhttpport = ${free + 2}\n`;
  const halfSilent = await ask(`${own}root = "data"\n${entry(port)}${entry(free + 3)}`);
  assert.equal(halfSilent.code, 1, halfSilent.out);
  assert.match(halfSilent.out, /^warning {2}\[\[node\]\] {7}\S+ cannot be reached$/m);
  const onlyItself = await ask(`${own}root = "data"\n${entry(free)}`);
  assert.equal(onlyItself.code, 0, onlyItself.out);
  assert.doesNotMatch(onlyItself.out, /\[\[node\]\]/);
  // Even a superuser can make no directory in a file.
  const inFile = await ask(`${own}root = "node.toml/data"\n`);
  assert.equal(inFile.code, 2, inFile.out);
  assert.match(inFile.out, /^error {4}disk .*node\.toml\/data: ENOTDIR/m);
  const running = await ask(`port = ${port}\nhttpport = ${httpport}\nroot = "data"\n`);
  assert.equal(running.code, 0, running.out);
  assert.match(running.out, /^ok {7}ports {10}n1 runs and uses them$/m);
});
