/**
 * The benchmark: durable PUT and GET through one node of a three-node MecDB cluster, measured in
 * the same run and row by row beside a bare skeleton of the same shape, so that the share between
 * the two means something on any machine.
 */
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, existsSync, mkdirSync, openSync, readFileSync, rmSync, statfsSync, writeFileSync } from 'node:fs';
import { mkdtemp } from 'node:fs/promises';
import { request } from 'node:http';
import { createServer } from 'node:net';
import { availableParallelism, cpus, tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { getRequests, preload, putRequests, runLoad, type LoadResult } from './load.ts';
import { startSkeleton } from './skeleton.ts';

const USAGE = 'Usage: bench [--seconds N] [--only put|get] [--json FILE] [--profile DIR] [--skeleton-only]';
const WARMUP_MS = 1_000;
const SETTLE_MS = 250;
const START_TIMEOUT_MS = 20_000;
const PRELOAD_TIMEOUT_MS = 20_000;
const STOP_TIMEOUT_MS = 5_000;
const NODE_COUNT = 3;
const VALUE_SIZES = [100, 1024];
const CONNECTION_COUNTS = [1, 64];
const TMPFS_TYPE = 0x01021994;

type Operation = 'PUT' | 'GET';

interface Settings {
  durationMs: number;
  operations: Operation[];
  jsonFile: string | undefined;
  profileDir: string | undefined;
  skeletonOnly: boolean;
}

interface Cluster {
  name: string;
  httpPort: number;
}

interface Clusters {
  skeleton: Cluster;
  mecdb: Cluster | undefined;
}

interface Load {
  operation: Operation;
  valueBytes: number;
  connections: number;
}

interface Row extends Load {
  mecdb: LoadResult | undefined;
  skeleton: LoadResult;
  sharePercent: number | undefined;
}

const children: { name: string; child: ChildProcess }[] = [];
let root: string | undefined;
let stopping = false;
let preloadErrors = 0;

function readSettings(): Settings {
  const { values } = parseArgs({
    options: {
      seconds: { type: 'string', default: '3' },
      only: { type: 'string' },
      json: { type: 'string' },
      profile: { type: 'string' },
      'skeleton-only': { type: 'boolean', default: false },
    },
  });
  const seconds = Number(values.seconds);
  if (!(seconds > 0 && seconds <= 3600)) throw new Error(`--seconds must be a number above 0\n${USAGE}`);
  const { only } = values;
  if (only !== undefined && only !== 'put' && only !== 'get') throw new Error(`--only put or get\n${USAGE}`);
  return {
    durationMs: seconds * 1000,
    operations: only === undefined ? ['PUT', 'GET'] : [only === 'put' ? 'PUT' : 'GET'],
    jsonFile: values.json,
    profileDir: values.profile,
    skeletonOnly: values['skeleton-only'],
  };
}

async function isFree(port: number): Promise<boolean> {
  const server = createServer();
  server.listen(port, '127.0.0.1');
  try {
    await once(server, 'listening');
  } catch {
    return false;
  }
  server.close();
  await once(server, 'close');
  return true;
}

/** Finds neighbouring free ports, below the range from which the system takes those of clients. */
async function findPorts(count: number): Promise<number[]> {
  for (let attempt = 0; attempt < 100; attempt++) {
    const first = 20_000 + Math.floor(Math.random() * 12_000);
    const ports = Array.from({ length: count }, (_, index) => first + index);
    const free = await Promise.all(ports.map(isFree));
    if (free.every(Boolean)) return ports;
  }
  throw new Error('no free ports found');
}

function mecConfig(index: number, directory: string, ports: number[]): string {
  const portOf = (node: number): number => ports[NODE_COUNT + 2 * node] ?? 0;
  const lines = [
    `name = "n${index + 1}"`,
    `port = ${portOf(index)}`,
    `httpport = ${ports[index] ?? 0}`,
    `root = ${JSON.stringify(join(directory, `n${index + 1}`))}`,
  ];
  for (let other = 0; other < NODE_COUNT; other++) {
    if (other !== index) lines.push('[[node]]', 'host = "127.0.0.1"', `port = ${portOf(other)}`);
  }
  return `${lines.join('\n')}\n`;
}

function startMec(directory: string, ports: number[], profileDir?: string): void {
  const launcher = fileURLToPath(new URL('../../bin/mec.js', import.meta.url));
  if (!existsSync(launcher)) throw new Error(`${launcher} is missing: build first`);
  for (let index = 0; index < NODE_COUNT; index++) {
    const name = `n${index + 1}`;
    const configFile = join(directory, `${name}.toml`);
    writeFileSync(configFile, mecConfig(index, directory, ports));
    mkdirSync(join(directory, name));
    const profile = profileDir !== undefined && index === 0 ? ['--cpu-prof', `--cpu-prof-dir=${profileDir}`] : [];
    const log = openSync(join(directory, `${name}.log`), 'a');
    const child = spawn(process.execPath, [...profile, launcher, '--config', configFile], {
      stdio: ['ignore', log, log],
    });
    closeSync(log);
    children.push({ name, child });
  }
}

/** Sends one request and returns its status, or 0 when there was no answer. */
function askStatus(method: string, port: number, path: string): Promise<number> {
  return new Promise((resolve) => {
    const outgoing = request({
      host: '127.0.0.1',
      port,
      path,
      method,
      timeout: 2_000,
      agent: false,
    });
    outgoing.on('response', (response) => {
      response.resume();
      resolve(response.statusCode ?? 0);
    });
    outgoing.on('timeout', () => outgoing.destroy());
    outgoing.on('error', () => resolve(0));
    outgoing.on('close', () => resolve(0));
    if (method === 'PUT') outgoing.setHeader('Content-Type', 'application/octet-stream').end('probe');
    else outgoing.end();
  });
}

/** Waits until `ask` is answered 200, asking again and again; fails when a process dies meanwhile. */
async function waitFor200(what: string, ask: (attempt: number) => Promise<number>): Promise<void> {
  const deadlineMs = performance.now() + START_TIMEOUT_MS;
  let status = 0;
  for (let attempt = 0; performance.now() < deadlineMs; attempt++) {
    status = await ask(attempt);
    if (status === 200) return;
    const dead = children.find(({ child }) => hasExited(child));
    if (dead !== undefined) throw new Error(`${dead.name} exited while starting\n${logTail(dead.name)}`);
    await sleep(50);
  }
  throw new Error(`${what}: no 200 in ${START_TIMEOUT_MS} ms (last status ${status})\n${logTail('n1')}`);
}

function logTail(name: string): string {
  const file = join(root ?? '', `${name}.log`);
  return existsSync(file) ? readFileSync(file, 'utf8').slice(-2_000) : '';
}

async function startClusters(settings: Settings, directory: string): Promise<Clusters> {
  const ports = await findPorts(15);
  const skeletonPorts = ports.slice(0, 6);
  const mecPorts = ports.slice(6);
  const skeleton = { name: 'skeleton', httpPort: skeletonPorts[0] ?? 0 };
  for (const [index, child] of startSkeleton(directory, skeletonPorts).entries()) {
    children.push({ name: `skeleton${index + 1}`, child });
  }
  await waitForPut(skeleton);
  if (settings.skeletonOnly) return { skeleton, mecdb: undefined };
  const mecdb = { name: 'MecDB', httpPort: mecPorts[0] ?? 0 };
  startMec(directory, mecPorts, settings.profileDir);
  for (const port of mecPorts.slice(0, NODE_COUNT)) {
    await waitFor200(`GET /ping on port ${port}`, () => askStatus('GET', port, '/ping'));
  }
  await waitForPut(mecdb);
  return { skeleton, mecdb };
}

function waitForPut({ name, httpPort }: Cluster): Promise<void> {
  // A new key each time: an attempt that failed may still have been written.
  return waitFor200(`a first PUT to ${name}`, (attempt) => askStatus('PUT', httpPort, `/mec/probe${attempt}`));
}

async function measure(cluster: Cluster, load: Load, durationMs: number): Promise<LoadResult> {
  const { operation, valueBytes, connections } = load;
  const makeRequest =
    operation === 'PUT'
      ? putRequests(`put-${valueBytes}-${connections}-`, valueBytes)
      : getRequests(`get-${valueBytes}-`);
  await sleep(SETTLE_MS);
  return runLoad({
    port: cluster.httpPort,
    connections,
    durationMs,
    warmupMs: WARMUP_MS,
    makeRequest,
  });
}

async function measureRow(load: Load, clusters: Clusters, durationMs: number): Promise<Row> {
  const skeleton = await measure(clusters.skeleton, load, durationMs);
  const mecdb = clusters.mecdb && (await measure(clusters.mecdb, load, durationMs));
  const sharePercent = mecdb && (100 * mecdb.perSecond) / skeleton.perSecond;
  return { ...load, mecdb, skeleton, sharePercent };
}

async function measureRows(settings: Settings, clusters: Clusters): Promise<Row[]> {
  const rows: Row[] = [];
  for (const operation of settings.operations) {
    for (const valueBytes of VALUE_SIZES) {
      if (operation === 'GET') await preloadAll(clusters, valueBytes);
      for (const connections of CONNECTION_COUNTS) {
        const row = await measureRow({ operation, valueBytes, connections }, clusters, settings.durationMs);
        rows.push(row);
        console.log(formatRow(row));
      }
    }
  }
  return rows;
}

async function preloadAll({ skeleton, mecdb }: Clusters, valueBytes: number): Promise<void> {
  for (const { name, httpPort } of mecdb === undefined ? [skeleton] : [skeleton, mecdb]) {
    const failed = await preload({
      port: httpPort,
      prefix: `get-${valueBytes}-`,
      valueBytes,
      timeoutMs: PRELOAD_TIMEOUT_MS,
    });
    if (failed > 0) console.error(`${name}: ${failed} keys could not be preloaded`);
    preloadErrors += failed;
  }
}

const COLUMNS = [
  'op',
  'bytes',
  'conns',
  'MecDB/s',
  'p50 ms',
  'p99 ms',
  'errors',
  'skel/s',
  'p50 ms',
  'p99 ms',
  'errors',
  'share',
];

function formatCells(cells: string[]): string {
  return cells.map((cell) => cell.padStart(8)).join(' ');
}

function formatResult(result: LoadResult | undefined): string[] {
  if (result === undefined) return ['-', '-', '-', '-'];
  const { perSecond, p50Ms, p99Ms, errors } = result;
  return [perSecond.toFixed(0), p50Ms.toFixed(2), p99Ms.toFixed(2), String(errors)];
}

function formatRow(row: Row): string {
  return formatCells([
    row.operation,
    String(row.valueBytes),
    String(row.connections),
    ...formatResult(row.mecdb),
    ...formatResult(row.skeleton),
    row.sharePercent === undefined ? '-' : `${row.sharePercent.toFixed(0)} %`,
  ]);
}

function describe(settings: Settings): string[] {
  const storage = statfsSync(tmpdir()).type === TMPFS_TYPE ? 'memory (tmpfs: a sync costs nothing)' : 'disk';
  return [
    `node ${process.version}, ${availableParallelism()} cores (${cpus()[0]?.model ?? 'unknown'})`,
    `3 nodes on this machine, N=3 R=W=2, durable writes on ${storage}, all requests through node 1`,
    `${settings.durationMs / 1000} s per measurement after ${WARMUP_MS / 1000} s of warm-up; every PUT creates a key`,
  ];
}

function hasExited(child: ChildProcess): boolean {
  return child.exitCode !== null || child.signalCode !== null;
}

async function stopChild(child: ChildProcess): Promise<void> {
  if (hasExited(child) || child.pid === undefined) return;
  const exited = once(child, 'exit');
  const timer = setTimeout(() => child.kill('SIGKILL'), STOP_TIMEOUT_MS);
  child.kill('SIGTERM');
  await exited;
  clearTimeout(timer);
}

async function stopAll(): Promise<void> {
  await Promise.all(children.map(({ child }) => stopChild(child)));
  removeRoot();
}

function removeRoot(): void {
  if (root !== undefined) rmSync(root, { recursive: true, force: true });
  root = undefined;
}

/** The last resort, when the process ends without having stopped its children in good order. */
function killAll(): void {
  for (const { child } of children) if (!hasExited(child)) child.kill('SIGKILL');
  removeRoot();
}

async function main(): Promise<number> {
  const settings = readSettings();
  const lines = describe(settings);
  for (const line of lines) console.log(line);
  root = await mkdtemp(join(tmpdir(), 'mec-bench-'));
  try {
    const clusters = await startClusters(settings, root);
    console.log(formatCells(COLUMNS));
    const rows = await measureRows(settings, clusters);
    if (settings.jsonFile !== undefined) {
      writeFileSync(settings.jsonFile, `${JSON.stringify({ settings: lines, rows }, null, 2)}\n`);
    }
    const failed = rows.some((row) => row.skeleton.errors + (row.mecdb?.errors ?? 0) > 0);
    return failed || preloadErrors > 0 ? 1 : 0;
  } finally {
    await stopAll();
  }
}

function interrupt(): void {
  if (stopping) return;
  stopping = true;
  void stopAll().finally(() => process.exit(130));
}

process.on('exit', killAll);
process.on('SIGINT', interrupt);
process.on('SIGTERM', interrupt);
main().then(
  (code) => {
    if (!stopping) process.exit(code);
  },
  (error: unknown) => {
    if (stopping) return;
    console.error(error instanceof Error ? error.message : error);
    process.exit(1);
  },
);
