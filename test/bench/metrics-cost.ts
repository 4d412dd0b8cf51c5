/**
 * The cost of metrics: a cluster whose measurements are turned off and on again under load. It is
 * one cluster, because two of the same build differ by more than metrics cost.
 */
import { appendFile, cp, mkdir, readFile, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { MecCluster } from './clusters.ts';
import type { Bench, Findings } from './experiment.ts';
import { type Figures, type Load, loadKeys, measure, warmUp } from './measure.ts';

/** The compiled source. */
const BUILT = fileURLToPath(new URL('../../', import.meta.url));

/** Pairs of turns, an odd number, each of one turn with metrics and one without. */
const PAIRS = 41;
/** Many short turns are more exact than a few long ones, as the machine changes in between. */
const TURN_MS = 700;

/** The functions that measure. With the switch on, they do nothing. */
const MEASURING: readonly (readonly [file: string, head: string])[] = [
  ['base/recorder.js', 'observe(ms) {'],
  ['cluster/coordinator/observer.js', 'note(node) {'],
  ['cluster/coordinator/observer.js', 'end(failed) {'],
  ['cluster/insight/top.js', 'noteRead(key) {'],
  ['cluster/insight/top.js', 'noteWrite(key) {'],
  ['cluster/insight/top.js', 'noteVersions(key, versions) {'],
];
/** The times that are read only to measure. */
const TIMES: readonly (readonly [file: string, time: string])[] = [
  ['cluster/coordinator/observer.js', 'parts.env.clock.monotonicMs()'],
  ['http/server.js', 'env.clock.monotonicMs()'],
  ['http/server.js', 'env.clock.monotonicMs() - startMs'],
];
const OFF = 'globalThis.areMetricsOff';
const SWITCH = `\nprocess.on('SIGUSR2', () => (${OFF} = !${OFF}));\n`;

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
  for (const [file, head] of MEASURING) await replace(file, head, `${head} if (${OFF}) return;`);
  for (const [file, time] of TIMES) await replace(file, ` ${time};`, ` ${OFF} ? 0 : ${time};`);
  const launcher = join(copy, 'bin', 'mec.js');
  await appendFile(launcher, SWITCH);
  return launcher;
}

const LOADS = {
  GET: { operation: 'GET', keys: 1_000 },
  PUT: { operation: 'PUT', keys: 0 },
} as const;

const loadOf = (name: keyof typeof LOADS): Load => ({
  ...LOADS[name],
  valueBytes: 100,
  distribution: 'uniform',
  connections: 64,
  aim: 'one',
});

const median = (numbers: readonly number[]): number =>
  [...numbers].sort((a, b) => a - b)[Math.floor(numbers.length / 2)] ?? NaN;
const percent = (share: number): string => `${(100 * share).toFixed(1)} %`;

/** A cluster with the switch. */
class SwitchedCluster {
  readonly cluster: MecCluster;
  #isOff = false;

  constructor(cluster: MecCluster) {
    this.cluster = cluster;
  }

  /** Measures a load with metrics or without. */
  async measure(load: Load, isOff: boolean): Promise<Figures> {
    if (isOff !== this.#isOff)
      for (const { pid } of this.cluster.servers) process.kill(pid, 'SIGUSR2');
    this.#isOff = isOff;
    return measure(this.cluster, load, TURN_MS);
  }
}

/** Compares processor time and speed with metrics and without, under GETs and under PUTs. */
export async function measureMetricsCost({ servers, durationMs, print }: Bench): Promise<Findings> {
  const launcher = await copyWithSwitch(join(servers.directory, 'switched'));
  const cluster = await MecCluster.start(servers, { launcher });
  const switched = new SwitchedCluster(cluster);
  let errors = await warmUp(cluster, durationMs);
  const values: Record<string, number> = {};
  for (const name of ['GET', 'PUT'] as const) {
    const load = loadOf(name);
    errors += await loadKeys(cluster, load);
    const [cpu, speed, micros]: [number[], number[], number[]] = [[], [], []];
    for (let pair = 0; pair < PAIRS; pair++) {
      const isOffFirst = pair % 2 === 0;
      const first = await switched.measure(load, isOffFirst);
      const second = await switched.measure(load, !isOffFirst);
      const [off, on] = isOffFirst ? [first, second] : [second, first];
      cpu.push((on.cpuMicros ?? NaN) / (off.cpuMicros ?? NaN));
      speed.push(on.perSecond / off.perSecond);
      micros.push(on.cpuMicros ?? NaN);
      errors += on.errors + off.errors;
    }
    values[`metricsSpeed${name}`] = 1 / median(cpu);
    print(
      `${name}: ${median(micros).toFixed(1)} µs with metrics, ${percent(median(cpu))} of those ` +
        `without; ${percent(median(speed))} of the speed`,
    );
  }
  await cluster.stop();
  return { values, errors };
}
