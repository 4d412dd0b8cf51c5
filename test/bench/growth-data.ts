/** The growth of costs with the data: with the number of keys, and with the siblings of one key. */
import { setTimeout as sleep } from 'node:timers/promises';
import { MecCluster } from './clusters.ts';
import { indexDrawer, keyName } from './draws.ts';
import type { Bench, Findings } from './experiment.ts';
import { drain } from './load.ts';
import {
  loadKeys,
  measure,
  measureClients,
  measureDrain,
  warmUp,
  warmupOf,
  type Figures,
  type Load,
} from './measure.ts';
import { loadingClients, oneStepClient } from './requests.ts';
import type { Curve } from './report.ts';

const REST_MS = 3_000;
const VALUE_BYTES = 100;
const CONNECTIONS = 16;
const LOADING_MS = 120_000;

/** The cost of an operation: processor time in µs if it can be read, else its latency. */
export const costOf = ({ cpuMicros, p50Ms }: Figures): number => cpuMicros ?? 1000 * p50Ms;

/** The cost at the last point of a curve as a multiple of the first, as text. */
export function growthOf({ points }: Pick<Curve, 'points'>, column: number): string {
  const [first, last] = [points[0]?.costs[column] ?? 0, points.at(-1)?.costs[column] ?? 0];
  return first === 0 ? `${last}` : `${(last / first).toFixed(2)} ×`;
}

/** GET and PUT with 10 000, 100 000 and a million keys in the same cluster. */
export async function growKeys({ servers, durationMs }: Bench): Promise<Findings> {
  const cluster = await MecCluster.start(servers);
  const points: Curve['points'][number][] = [];
  let errors = await warmUp(cluster, durationMs);
  for (const keys of [10_000, 100_000, 1_000_000]) {
    const load: Load = {
      operation: 'GET',
      valueBytes: VALUE_BYTES,
      keys,
      distribution: 'uniform',
      connections: CONNECTIONS,
      aim: 'one',
    };
    errors += await loadKeys(cluster, load);
    await sleep(REST_MS);
    const get = await measure(cluster, load, durationMs);
    const put = await measure(cluster, { ...load, operation: 'PUT' }, durationMs);
    errors += get.errors + put.errors;
    points.push({ at: keys, costs: [costOf(get), get.p50Ms, costOf(put), put.p50Ms] });
  }
  await cluster.stop();
  const costs = ['GET cpu µs', 'GET p50 ms', 'PUT cpu µs', 'PUT p50 ms'];
  const [get, put] = [growthOf({ points }, 0), growthOf({ points }, 2)];
  const statement = `at 100 × the keys, a GET costs ${get} the CPU and a PUT ${put}`;
  return { curves: [{ name: 'keys', grows: 'keys', costs, points, statement }], errors };
}

const SIBLING_KEYS = 400;

/** Reads and writes of keys with 1, 10 and 100 siblings. */
export async function growSiblings({ servers, durationMs }: Bench): Promise<Findings> {
  const cluster = await MecCluster.start(servers);
  const points: Curve['points'][number][] = [];
  let errors = await warmUp(cluster, durationMs);
  for (const siblings of [1, 10, 100]) {
    const { get, put, failed } = await measureSiblings(cluster, siblings, durationMs);
    errors += failed + get.errors + put.errors;
    points.push({
      at: siblings,
      costs: [
        costOf(get),
        get.p50Ms,
        costOf(put),
        put.p50Ms,
        put.wireBytes ?? 0,
        put.diskBytes ?? 0,
      ],
    });
  }
  await cluster.stop();
  const costs = [
    'GET cpu µs',
    'GET p50 ms',
    'PUT cpu µs',
    'PUT p50 ms',
    'PUT wire B',
    'PUT disk B',
  ];
  const statement =
    `with 100 siblings, a GET costs ${growthOf({ points }, 0)} the CPU ` +
    `and a PUT that adds one ${growthOf({ points }, 2)} (all versions of a key are one record)`;
  return { curves: [{ name: 'siblings', grows: 'siblings', costs, points, statement }], errors };
}

/** Gives some keys all siblings but one, measures the writes that add the last, and then reads. */
async function measureSiblings(
  cluster: MecCluster,
  siblings: number,
  durationMs: number,
): Promise<{ get: Figures; put: Figures; failed: number }> {
  const prefix = `siblings-${siblings}-`;
  const protocol = cluster.protocol(VALUE_BYTES);
  const names = function* (times: number): Generator<string> {
    for (let i = 0; i < times * SIBLING_KEYS; i++) yield keyName(prefix, i % SIBLING_KEYS);
  };
  const target = { ports: cluster.httpPorts.slice(0, 1) };
  const first = await drain(
    { ...target, makeClient: loadingClients(names(siblings - 1), protocol) },
    LOADING_MS,
    CONNECTIONS,
  );
  const put = await measureDrain(cluster, {
    ...target,
    makeClient: loadingClients(names(1), protocol),
    operations: SIBLING_KEYS,
    connections: CONNECTIONS,
  });
  const draw = indexDrawer('uniform', SIBLING_KEYS, 7);
  const get = await measureClients(cluster, {
    ...target,
    makeClient: () => oneStepClient(() => protocol.get(keyName(prefix, draw()))),
    connections: CONNECTIONS,
    durationMs,
    warmupMs: warmupOf(durationMs),
  });
  return { get, put, failed: (siblings - 1) * SIBLING_KEYS - first.done };
}
