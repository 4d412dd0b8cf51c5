/**
 * The cost of metrics: a cluster under one load measures not at all and twenty times, in turn. It
 * is one cluster, because two of the same build differ by more than metrics cost. On a machine that
 * does other work, also one turn differs from the next by more. Twenty times the cost shows.
 */
import { cp, mkdir, readFile, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { MecCluster } from './clusters.ts';
import { mainThreadMicrosOf } from './counters.ts';
import type { Bench, Findings } from './experiment.ts';
import { RunningLoad } from './load.ts';
import { loadKeys, warmUp } from './measure.ts';
import { clientMaker } from './requests.ts';

/** The compiled source. */
const BUILT = fileURLToPath(new URL('../../', import.meta.url));

/** Pairs of turns, an odd number, each of one turn with the switch on and one with it off. */
const PAIRS = 101;
/**
 * The length of a turn. Others on the machine disturb both turns of a pair alike if they are short.
 */
const TURN_MS = 200;
/** The time in which all nodes have taken the switch, and the requests before it have ended. */
const SWITCH_MS = 30;
const CONNECTIONS = 64;
const WARMUP_MS = 2_000;

/** How often a node measures when the switch is on. When it is off, it does not measure. */
const TIMES = 20;

/** The methods that measure. */
const METHODS: readonly (readonly [file: string, name: string, parameters: string])[] = [
  ['base/recorder.js', 'observe', 'ms'],
  ['cluster/coordinator/observer.js', 'note', 'node'],
  ['cluster/coordinator/observer.js', 'end', 'failed'],
  ['cluster/insight/top.js', 'noteRead', 'key'],
  ['cluster/insight/top.js', 'noteWrite', 'key'],
  ['cluster/insight/top.js', 'noteVersions', 'key, versions'],
];
const COUNT = 'node.sight.recorder.countAnswer(operationOf(request), response.statusCode, tookMs)';
/** The counts, and the times that are read only to measure. */
const EXPRESSIONS: readonly (readonly [file: string, expression: string])[] = [
  ['cluster/coordinator/observer.js', 'parts.env.clock.monotonicMs()'],
  ['http/server.js', 'env.clock.monotonicMs()'],
  ['http/server.js', 'env.clock.monotonicMs() - startMs'],
  ['http/server.js', COUNT],
];
/** A measurement inside another one is repeated with that. */
const SWITCH = `
let [times, isInside] = [${TIMES}, false];
globalThis.repeated = (measure) => {
  if (isInside) return measure();
  isInside = true;
  let result = 0;
  for (let left = times; left > 0; left--) result = measure();
  isInside = false;
  return result;
};
process.on('SIGUSR2', () => (times = ${TIMES} - times));
`;

/** Makes a copy of the compiled source with the switch. Resolves with its launcher. */
async function copyWithSwitch(directory: string): Promise<string> {
  const copy = join(directory, 'dist');
  await mkdir(directory, { recursive: true });
  for (const name of ['src', 'bin'])
    await cp(join(BUILT, name), join(copy, name), { recursive: true });
  await symlink(join(BUILT, '..', 'node_modules'), join(directory, 'node_modules'));
  await cp(join(BUILT, '..', 'package.json'), join(directory, 'package.json'));
  const replace = async (file: string, from: string, to: string): Promise<void> => {
    const path = join(copy, 'src', file);
    const text = await readFile(path, 'utf8');
    if (!text.includes(from)) throw new Error(`"${from}" is not in ${file} any more`);
    await writeFile(path, text.replace(from, to));
  };
  for (const [file, name, parameters] of METHODS) {
    const repeated = `return globalThis.repeated(() => this.${name}Once(${parameters}));`;
    const head = `${name}(${parameters}) {`;
    await replace(file, head, `${head} ${repeated} } ${name}Once(${parameters}) {`);
  }
  for (const [file, expression] of EXPRESSIONS)
    await replace(file, ` ${expression};`, ` globalThis.repeated(() => ${expression});`);
  const launcher = join(copy, 'bin', 'mec.js');
  await replace('../bin/mec.js', 'await main(', `${SWITCH}await main(`);
  return launcher;
}

const LOADS = {
  GET: { operation: 'GET', keys: 1_000, valueBytes: 100, distribution: 'uniform' },
  PUT: { operation: 'PUT', keys: 0, valueBytes: 100, distribution: 'uniform' },
} as const;

/** The middle of some numbers, and the range that has it with a probability of 95 %. */
export interface Middle {
  readonly median: number;
  readonly from: number;
  readonly to: number;
}

/**
 * The median by the ranks of the numbers. The number of draws below the true one is binomial,
 * whatever the distribution. So a few disturbed turns do not count.
 */
export function middleOf(numbers: readonly number[]): Middle {
  const sorted = [...numbers].sort((a, b) => a - b);
  const half = Math.floor(sorted.length / 2);
  const reach = Math.min(half, Math.ceil(0.98 * Math.sqrt(sorted.length)));
  const at = (rank: number): number => sorted[rank] ?? NaN;
  return { median: at(half), from: at(half - reach), to: at(sorted.length - 1 - half + reach) };
}

const percent = (share: number): string => `${(100 * share).toFixed(2)} %`;

/** A cluster with the switch, under a load. */
class SwitchedCluster {
  readonly #cluster: MecCluster;
  #isOff = false;

  constructor(cluster: MecCluster) {
    this.#cluster = cluster;
  }

  /** Loads the cluster with metrics and without, in turn. Resolves with the cost of each turn. */
  async measure(name: keyof typeof LOADS): Promise<{ pairs: Turns[]; errors: number }> {
    const { [name]: workload } = LOADS;
    let errors = await loadKeys(this.#cluster, workload);
    const makeClient = clientMaker(workload, this.#cluster.protocol(workload.valueBytes), name);
    const ports = this.#cluster.httpPorts.slice(0, 1);
    const load = new RunningLoad({ ports, makeClient }, { connections: CONNECTIONS });
    const pairs: Turns[] = [];
    try {
      await sleep(WARMUP_MS);
      for (let pair = 0; pair < PAIRS; pair++) {
        const isOffFirst = pair % 2 === 0;
        const first = await this.#turn(load, isOffFirst);
        const second = await this.#turn(load, !isOffFirst);
        pairs.push(isOffFirst ? { off: first, on: second } : { off: second, on: first });
      }
      errors += load.errors;
    } finally {
      load.stop();
    }
    return { pairs, errors };
  }

  async #turn(load: RunningLoad, isOff: boolean): Promise<number> {
    if (isOff !== this.#isOff)
      for (const { pid } of this.#cluster.servers) process.kill(pid, 'SIGUSR2');
    this.#isOff = isOff;
    await sleep(SWITCH_MS);
    const [micros, operations] = [this.#micros(), load.operations];
    await sleep(TURN_MS);
    return (this.#micros() - micros) / (load.operations - operations);
  }

  /** The processor time of the threads that measure. */
  #micros(): number {
    const all = this.#cluster.servers.map(({ pid }) => mainThreadMicrosOf(pid) ?? NaN);
    return all.reduce((sum, micros) => sum + micros, 0);
  }
}

/** The processor time per operation, in two turns one after the other. */
interface Turns {
  readonly off: number;
  readonly on: number;
}

/** Compares processor time with metrics and without, under GETs and under PUTs. */
export async function measureMetricsCost({ servers, durationMs, print }: Bench): Promise<Findings> {
  const launcher = await copyWithSwitch(join(servers.directory, 'switched'));
  const cluster = await MecCluster.start(servers, { launcher });
  const switched = new SwitchedCluster(cluster);
  let failed = await warmUp(cluster, durationMs);
  const values: Record<string, number> = {};
  for (const name of ['GET', 'PUT'] as const) {
    const { pairs, errors } = await switched.measure(name);
    failed += errors;
    const shares = middleOf(pairs.map(({ on, off }) => (on / off - 1) / TIMES));
    const { median: micros } = middleOf(pairs.map(({ off }) => off));
    values[`metricsSpeed${name}`] = 1 / (1 + shares.median);
    print(
      `${name}: metrics cost ${percent(shares.median)} (${percent(shares.from)} to ` +
        `${percent(shares.to)}) of ${micros.toFixed(1)} µs`,
    );
  }
  await cluster.stop();
  return { values, errors: failed };
}
