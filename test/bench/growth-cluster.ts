/** The growth of costs with the cluster and its history: more nodes, and a node that is away. */
import { setTimeout as sleep } from 'node:timers/promises';
import { PARTITIONS } from '../../src/core/limits.ts';
import { SYNC_LIMITS } from '../../src/cluster/limits.ts';
import { partitionOf } from '../../src/core/placement/partition.ts';
import { MecCluster } from './clusters.ts';
import { countersAfter, countersBefore } from './counters.ts';
import { freshKeys } from './draws.ts';
import type { Bench, Findings } from './experiment.ts';
import { costOf, growthOf } from './growth-data.ts';
import { drain } from './load.ts';
import { loadKeys, measure, warmUp, type Figures, type Load } from './measure.ts';
import { loadingClients } from './requests.ts';
import type { Curve } from './report.ts';
import { waitUntil } from './servers.ts';

const VALUE_BYTES = 100;
const LOADING_MS = 120_000;
const IDLE_MS = 5_000;
const LOAD: Load = {
  operation: 'GET',
  valueBytes: VALUE_BYTES,
  keys: 10_000,
  distribution: 'uniform',
  connections: 64,
  aim: 'one',
};

async function getAndPut(
  cluster: MecCluster,
  load: Load,
  durationMs: number,
): Promise<{ get: Figures; put: Figures; errors: number }> {
  const failed = await loadKeys(cluster, load);
  const get = await measure(cluster, load, durationMs);
  const put = await measure(cluster, { ...load, operation: 'PUT' }, durationMs);
  return { get, put, errors: failed + get.errors + put.errors };
}

/** Writes each key once. Returns the number of failed writes. */
async function writeKeys(
  cluster: MecCluster,
  node: number,
  keys: readonly string[],
): Promise<number> {
  const makeClient = loadingClients(keys, cluster.protocol(VALUE_BYTES));
  const { done } = await drain(
    { ports: cluster.httpPorts.slice(node, node + 1), makeClient },
    LOADING_MS,
  );
  return keys.length - done;
}

function take(count: number, next: () => string): string[] {
  return Array.from({ length: count }, next);
}

/** The processor time of an idle cluster, in ms per second and node. */
async function idleCost(cluster: MecCluster): Promise<number> {
  const before = await countersBefore(cluster);
  await sleep(IDLE_MS);
  const after = await countersAfter(cluster);
  const micros = (after.cpuMicros ?? 0) - (before.cpuMicros ?? 0);
  return micros / IDLE_MS / cluster.servers.length;
}

/**
 * GET and PUT in clusters of 3, 5 and 9 nodes on this machine, with requests spread over all nodes.
 */
export async function growNodes({ servers, durationMs }: Bench): Promise<Findings> {
  const points: Curve['points'][number][] = [];
  let failures = 0;
  for (const nodes of [3, 5, 9]) {
    const cluster = await MecCluster.start(servers, { nodes });
    failures += await warmUp(cluster, durationMs);
    const idle = await idleCost(cluster);
    const { get, put, errors } = await getAndPut(cluster, { ...LOAD, aim: 'spread' }, durationMs);
    await cluster.stop();
    failures += errors;
    points.push({
      at: nodes,
      costs: [idle, get.perSecond, costOf(get), get.p99Ms, put.perSecond, costOf(put), put.p99Ms],
    });
  }
  const costs = [
    'idle ms/s',
    'GET/s',
    'GET cpu µs',
    'GET p99 ms',
    'PUT/s',
    'PUT cpu µs',
    'PUT p99 ms',
  ];
  const statement =
    `with 9 nodes instead of 3 on the same processors, a GET costs ${growthOf({ points }, 2)} the CPU ` +
    `and a PUT ${growthOf({ points }, 5)}; an idle node takes ${growthOf({ points }, 0)}`;
  return {
    curves: [{ name: 'nodes', grows: 'nodes', costs, points, statement }],
    errors: failures,
  };
}

const LOG_PARTITIONS = 4;

/**
 * The log of a node while another is away and all writes go to a few partitions, and after its
 * return.
 */
export async function growLog({ servers }: Bench): Promise<Findings> {
  const cluster = await MecCluster.start(servers);
  const bound = LOG_PARTITIONS * SYNC_LIMITS.maxLogEntries;
  const points: Curve['points'][number][] = [];
  const next = freshKeys('log-');
  const nextInFew = (): string => {
    let key = next();
    while (partitionOf(key) >= LOG_PARTITIONS) key = next();
    return key;
  };
  const note = async (at: number): Promise<void> => {
    const { store } = await cluster.status(0);
    points.push({ at, costs: [store.logEntries, (100 * store.logEntries) / bound] });
  };
  await cluster.stopNode(2);
  let errors = 0;
  let written = 0;
  for (const goal of [2_500, 5_000, 10_000, 20_000, 40_000]) {
    errors += await writeKeys(cluster, 0, take(goal - written, nextInFew));
    written = goal;
    // Entries above the limit are cut in the background.
    await sleep(2_000);
    await note(goal);
  }
  const startMs = performance.now();
  cluster.startNode(2);
  const isCut = async (): Promise<boolean> =>
    (await cluster.status(0)).store.logEntries < LOG_PARTITIONS;
  await waitUntil('the log is cut after the node is back', isCut, {
    servers: cluster.servers,
    timeoutMs: LOADING_MS,
  });
  const cutSeconds = (performance.now() - startMs) / 1000;
  await note(written);
  await cluster.stop();
  const greatest = Math.max(...points.map(({ costs }) => costs[0] ?? 0));
  const statement =
    `the log never held more than ${greatest} entries (bound: ${bound} in ${LOG_PARTITIONS} partitions, ` +
    `${PARTITIONS * SYNC_LIMITS.maxLogEntries} in all), ` +
    `and was empty ${cutSeconds.toFixed(1)} s after the node's start (last line)`;
  return {
    curves: [
      {
        name: 'log while a node is away',
        grows: 'writes',
        costs: ['entries', '% of bound'],
        points,
        statement,
      },
    ],
    errors,
  };
}
