/**
 * The cost of encryption at rest: a cluster with a master key and one without get the same load, in
 * turn. Two clusters of one build differ by chance, so several pairs of clusters are measured.
 */
import { MecCluster, stopCluster } from './clusters.ts';
import type { Bench, Findings } from './experiment.ts';
import { type Load, loadKeys, measure, warmUp } from './measure.ts';
import { middleOf } from './metrics-cost.ts';

/** Pairs of clusters, and turns of each load in a pair, an odd number together. */
const CLUSTERS = 3;
const TURNS = 5;

const MASTER_KEY = `[storage]\nmasterkeycommand = "echo ${'1f'.repeat(32)}"`;

const COMMON = { distribution: 'uniform', connections: 64, aim: 'one' } as const;

const LOADS: Readonly<Record<string, Load>> = {
  'PUT of 100 B': { ...COMMON, operation: 'PUT', keys: 0, valueBytes: 100 },
  'PUT of 10 KiB': { ...COMMON, operation: 'PUT', keys: 0, valueBytes: 10_240 },
  'GET of 100 B': { ...COMMON, operation: 'GET', keys: 1_000, valueBytes: 100 },
  'GET of 10 KiB, not cached': { ...COMMON, operation: 'GET', keys: 3_000, valueBytes: 10_240 },
};

/** The processor time per operation in one turn of each cluster. */
interface Turn {
  readonly plain: number;
  readonly sealed: number;
}

/** Compares processor time with encryption and without. */
export async function measureAtRestCost({ servers, durationMs, print }: Bench): Promise<Findings> {
  const turns = new Map<string, Turn[]>(Object.keys(LOADS).map((name) => [name, []]));
  let errors = 0;
  for (let pair = 0; pair < CLUSTERS; pair++) {
    const clusters = {
      plain: await MecCluster.start(servers),
      sealed: await MecCluster.start(servers, { extra: MASTER_KEY }),
    };
    for (const cluster of Object.values(clusters)) errors += await warmUp(cluster, durationMs);
    for (const [name, load] of Object.entries(LOADS)) {
      for (const cluster of Object.values(clusters)) errors += await loadKeys(cluster, load);
      for (let turn = 0; turn < TURNS; turn++) {
        const found = { plain: NaN, sealed: NaN };
        const order =
          turn % 2 === 0 ? (['plain', 'sealed'] as const) : (['sealed', 'plain'] as const);
        for (const kind of order) {
          const figures = await measure(clusters[kind], load, durationMs);
          errors += figures.errors;
          found[kind] = figures.cpuMicros ?? NaN;
        }
        turns.get(name)?.push(found);
      }
    }
    for (const cluster of Object.values(clusters)) await stopCluster(cluster);
  }
  for (const [name, all] of turns) print(`${name}: ${textOf(all)}`);
  return { errors };
}

const percent = (ratio: number): string => `${(100 * (ratio - 1)).toFixed(1)} %`;

function textOf(turns: readonly Turn[]): string {
  const { median, from, to } = middleOf(turns.map(({ plain, sealed }) => sealed / plain));
  const [plain, sealed] = (['plain', 'sealed'] as const).map((kind) =>
    middleOf(turns.map((turn) => turn[kind])).median.toFixed(1),
  );
  return (
    `encryption costs ${percent(median)} (${percent(from)} to ${percent(to)}): ` +
    `${plain} µs without, ${sealed} µs with it`
  );
}
