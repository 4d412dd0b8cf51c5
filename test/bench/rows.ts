/**
 * Runs the rows of a plan. A cluster starts when it is first needed, and ends after its last row.
 */
import {
  type Cluster,
  type ClusterName,
  MecCluster,
  startSkeletonCluster,
  stopCluster,
} from './clusters.ts';
import { untilQuiet } from './counters.ts';
import { startEtcdCluster } from './etcd.ts';
import { loadKeys, measure, warmUp, type Figures } from './measure.ts';
import type { Row } from './plan.ts';
import type { Servers } from './servers.ts';

/** The options for running rows. */
export interface RowSettings {
  readonly durationMs: number;
  /**
   * The number of rounds per row, at all clusters in turn. For each cluster the round with the
   * median speed counts.
   */
  readonly rounds: number;
  /** The folder in which node 1 of MecDB leaves a CPU profile. */
  readonly profileDir: string | undefined;
  /** The clusters that can be measured here. */
  readonly clusters: readonly ClusterName[];
}

/** Figures by row and cluster. */
export type RowResults = Map<string, Map<ClusterName, Figures>>;

/** Runs rows in order, and passes each on when it is done. */
export async function runRows(
  rows: readonly Row[],
  { servers, settings }: { servers: Servers; settings: RowSettings },
  onRow: (row: Row, figures: ReadonlyMap<ClusterName, Figures>) => void,
): Promise<{ results: RowResults; errors: number }> {
  const results: RowResults = new Map();
  const running = new Map<ClusterName, Cluster>();
  let errors = 0;
  const start: Record<ClusterName, () => Promise<Cluster>> = {
    skeleton: () => startSkeletonCluster(servers),
    MecDB: () => MecCluster.start(servers, { profileDir: settings.profileDir }),
    etcd: () => startEtcdCluster(servers),
  };
  for (const [index, row] of rows.entries()) {
    const clusters: Cluster[] = [];
    for (const name of row.clusters.filter((each) => settings.clusters.includes(each))) {
      const cluster = running.get(name) ?? (await start[name]());
      if (!running.has(name)) errors += await warmUp(cluster, settings.durationMs);
      running.set(name, cluster);
      clusters.push(cluster);
      errors += await loadKeys(cluster, row);
    }
    const rounds = await measureRounds(row, clusters, {
      ...settings,
      running: [...running.values()],
    });
    const figures = new Map([...rounds].map(([name, each]) => [name, medianOf(each)]));
    for (const each of [...rounds.values()].flat())
      errors += each.errors + (each.operations === 0 ? 1 : 0);
    results.set(row.name, figures);
    onRow(row, figures);
    for (const [name, cluster] of running) {
      if (rows.slice(index + 1).some((later) => later.clusters.includes(name))) continue;
      running.delete(name);
      await stopCluster(cluster);
    }
  }
  return { results, errors };
}

/** Reverses every other round, because each cluster leaves a busy disk to the next one. */
async function measureRounds(
  row: Row,
  clusters: readonly Cluster[],
  { rounds, durationMs, running }: RowSettings & { readonly running: readonly Cluster[] },
): Promise<Map<ClusterName, Figures[]>> {
  const measured = new Map<ClusterName, Figures[]>(clusters.map(({ name }) => [name, []]));
  for (let round = 0; round < rounds; round++) {
    for (const cluster of round % 2 === 0 ? clusters : clusters.toReversed()) {
      await untilQuiet(running);
      measured.get(cluster.name)?.push(await measure(cluster, row, durationMs));
    }
  }
  return measured;
}

/** The round with the median speed, with the errors of all. */
export function medianOf(rounds: readonly Figures[]): Figures {
  const sorted = [...rounds].sort((a, b) => a.perSecond - b.perSecond);
  const median = sorted[Math.floor(sorted.length / 2)];
  if (median === undefined) throw new Error('nothing was measured');
  return { ...median, errors: rounds.reduce((sum, { errors }) => sum + errors, 0) };
}
