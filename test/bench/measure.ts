/** Measures one workload at one cluster: speed, latencies, and the cost of an operation. */
import { setTimeout as sleep } from 'node:timers/promises';
import type { Cluster } from './clusters.ts';
import { countersAfter, countersBefore, largestMemory, type Counters } from './counters.ts';
import { keyName } from './draws.ts';
import {
  drain,
  quantile,
  runLoad,
  type LoadOptions,
  type LoadResult,
  type Target,
} from './load.ts';
import { checkAlive } from './servers.ts';
import { clientMaker, loadedPrefix, loadingClients, type Workload } from './requests.ts';

/**
 * The longest warm-up before a measurement. A shorter measurement has a warm-up of its own length.
 */
export const WARMUP_MS = 1_000;
/**
 * The load of a new cluster before its first measurement. On two busy cores, the compiler works on
 * the code of a node for about that long.
 */
const COMPILE_MS = 10_000;
/** The same as a multiple of the measurements, if those are short. */
const COMPILE_DURATIONS = 4;
/** A rest before each measurement, in which the work of the last one ends. */
const SETTLE_MS = 250;
/** Many connections at once, so that many keys are written in one batch. */
const LOADING_CONNECTIONS = 192;
const LOADING_MIN_MS = 30_000;
const LOADING_MIN_KEYS_PER_SECOND = 1_500;

/** A workload and its clients. */
export interface Load extends Workload {
  readonly connections: number;
  /** Whether the connections go to node 1, or to all nodes in turn. */
  readonly aim: 'one' | 'spread';
}

/** The results. A figure is undefined if this machine cannot measure it. */
export interface Figures {
  readonly operations: number;
  readonly perSecond: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
  readonly p999Ms: number;
  readonly errors: number;
  readonly severalValues: number;
  readonly siblingWrites: number;
  /** Per operation, for all nodes together. */
  readonly cpuMicros: number | undefined;
  readonly wireBytes: number | undefined;
  readonly diskBytes: number | undefined;
  /** Of the largest node, after the run. */
  readonly rssBytes: number | undefined;
}

let runs = 0;

/** The length of the warm-up before a measurement. */
export const warmupOf = (durationMs: number): number => Math.min(WARMUP_MS, durationMs);

/** The length of the load of a new cluster. */
export const compileTimeOf = (durationMs: number): number =>
  Math.min(COMPILE_MS, COMPILE_DURATIONS * durationMs);

const portsOf = ({ httpPorts }: Cluster, aim: Load['aim']): readonly number[] =>
  aim === 'one' ? httpPorts.slice(0, 1) : httpPorts;

/**
 * Writes the keys that a workload reads, unless they exist. Returns the number of failed writes.
 */
export async function loadKeys(cluster: Cluster, workload: Workload): Promise<number> {
  const prefix = loadedPrefix(workload);
  if (workload.operation === 'PUT' || cluster.loaded.has(prefix)) return 0;
  cluster.loaded.add(prefix);
  const names = function* (): Generator<string> {
    for (let index = 0; index < workload.keys; index++) yield keyName(prefix, index);
  };
  const makeClient = loadingClients(names(), cluster.protocol(workload.valueBytes));
  const timeoutMs = Math.max(LOADING_MIN_MS, (1000 * workload.keys) / LOADING_MIN_KEYS_PER_SECOND);
  const { done } = await drain(
    { ports: cluster.httpPorts, makeClient },
    timeoutMs,
    LOADING_CONNECTIONS,
  );
  return workload.keys - done;
}

/**
 * Loads a new cluster for a while, or the compilation of its code would be measured. Returns the
 * errors.
 */
export async function warmUp(cluster: Cluster, durationMs: number): Promise<number> {
  const workload = {
    operation: 'mix',
    valueBytes: 100,
    keys: 1_000,
    distribution: 'uniform',
  } as const;
  const failed = await loadKeys(cluster, workload);
  const { errors } = await measure(
    cluster,
    { ...workload, connections: 64, aim: 'spread' },
    compileTimeOf(durationMs),
  );
  return failed + errors;
}

/** Loads a cluster for a while and returns the measurements. */
export function measure(cluster: Cluster, load: Load, durationMs: number): Promise<Figures> {
  const protocol = cluster.protocol(load.valueBytes);
  return measureClients(cluster, {
    ports: portsOf(cluster, load.aim),
    connections: load.connections,
    durationMs,
    warmupMs: warmupOf(durationMs),
    makeClient: clientMaker(load, protocol, `${load.valueBytes}-${runs++}`),
  });
}

/** The same for clients of any kind. */
export async function measureClients(cluster: Cluster, options: LoadOptions): Promise<Figures> {
  let before: Counters | undefined;
  let after: Counters | undefined;
  await sleep(SETTLE_MS);
  const result = await runLoad({
    ...options,
    atStart: async () => void (before = await countersBefore(cluster)),
    atEnd: async () => void (after = await countersAfter(cluster)),
  });
  checkAlive(cluster.servers);
  return figuresOf(result, { before, after, rssBytes: largestMemory(cluster)?.rssBytes });
}

/** The same for clients that finish. A request that they could not make is an error. */
export async function measureDrain(
  cluster: Cluster,
  target: Target & { operations: number; connections: number },
): Promise<Figures> {
  const before = await countersBefore(cluster);
  const result = await drain(target, LOADING_MIN_MS, target.connections);
  const after = await countersAfter(cluster);
  const errors = target.operations - result.done;
  return figuresOf(
    { ...result, errors, severalValues: 0, siblingWrites: 0 },
    { before, after, rssBytes: largestMemory(cluster)?.rssBytes },
  );
}

interface Counted {
  readonly before: Counters | undefined;
  readonly after: Counters | undefined;
  readonly rssBytes: number | undefined;
}

/** Latencies and counters as figures. */
export function figuresOf(result: LoadResult, { before, after, rssBytes }: Counted): Figures {
  const { latenciesMs, durationMs, errors, severalValues, siblingWrites } = result;
  const operations = latenciesMs.length;
  const perOperation = (counter: keyof Counters): number | undefined => {
    const [first, last] = [before?.[counter], after?.[counter]];
    return first === undefined || last === undefined || operations === 0
      ? undefined
      : (last - first) / operations;
  };
  return {
    operations,
    perSecond: (1000 * operations) / durationMs,
    p50Ms: quantile(latenciesMs, 0.5),
    p99Ms: quantile(latenciesMs, 0.99),
    p999Ms: quantile(latenciesMs, 0.999),
    errors,
    severalValues,
    siblingWrites,
    cpuMicros: perOperation('cpuMicros'),
    wireBytes: perOperation('wireBytes'),
    diskBytes: perOperation('diskBytes'),
    rssBytes,
  };
}
