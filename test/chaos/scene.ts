/** The scene of a chain: a cluster on this machine, its clients, and the final verdict. */
import { eventually, TestCluster, type TestNode } from '../fixtures/cluster.ts';
import { send } from '../fixtures/http.ts';
import { atRest } from '../fixtures/load.ts';
import type { ChainContext, ChainResult } from './chain.ts';
import { Clients } from './clients.ts';
import { leaveLogs } from './report.ts';
import type { Workload } from './workload.ts';

/** The time in which a cluster must come to rest: longer than twice `lostAfterMs`. */
export const REST_MS = 200_000;

/** A cluster and its clients. */
export interface Scene {
  readonly cluster: TestCluster;
  readonly clients: Clients;
  /** The nodes that clients ask. */
  readonly serving: Set<TestNode>;
}

/** The options of a scene. */
export interface SceneOptions {
  readonly nodes: number;
  readonly clients: number;
  readonly workloads: readonly Workload[];
  readonly pauseMs?: number;
}

/** Starts a cluster and its clients, which begin at once. */
export async function openScene(
  context: ChainContext,
  { nodes, clients: count, workloads, pauseMs = 1 }: SceneOptions,
): Promise<Scene> {
  const cluster = await TestCluster.start(context, { nodes });
  const serving = new Set(cluster.nodes);
  const clients = new Clients({
    nodes: () => [...serving],
    workloads,
    count,
    pauseMs,
    seed: context.seed,
  });
  context.after(() => clients.stop());
  return { cluster, clients, serving };
}

/** Whether a node reports that it is ready. */
export const isReady = async (node: TestNode): Promise<boolean> =>
  (await send(`${node.url}/ready`)).status === 200;

/** Declares a node gone, as an operator does, as soon as its peers have lost contact. */
export async function declareGone({ cluster }: Scene, gone: TestNode, at: TestNode): Promise<void> {
  cluster.forget(gone);
  await eventually(`${gone.name} is declared gone`, async () => {
    return (await send(`${at.url}/cluster/remove/${gone.name}`, { method: 'POST' })).status === 200;
  });
}

const EXPLAINED = 3;

/**
 * Saves the logs of the nodes, and the holders' reports on some keys, for the search for the cause.
 */
async function explain(nodes: readonly TestNode[], lost: readonly string[]): Promise<void> {
  const [first] = nodes;
  const keys = new Set(lost.map((line) => line.split(' ')[0] ?? ''));
  for (const key of [...keys].slice(0, EXPLAINED)) {
    const location = await send(`${first?.url}/cluster/locate/${key}`).catch(() => undefined);
    console.log(`  ${JSON.stringify(JSON.parse(location?.text ?? '{}'))}`);
  }
  console.log(
    `  logs: ${await leaveLogs(Object.fromEntries(nodes.map(({ name, log }) => [name, log])))}`,
  );
}

/** The final violations: whether nodes come to rest and are ready, and data that clients miss. */
export async function verdict(scene: Scene): Promise<ChainResult> {
  const { cluster, clients } = scene;
  const wrong: string[] = [];
  await clients.pause();
  const startMs = performance.now();
  await atRest(cluster, REST_MS).catch((error: unknown) => {
    wrong.push(
      `not at rest within ${REST_MS} ms: ${error instanceof Error ? error.message : String(error)}`,
    );
  });
  const restMs = Math.round(performance.now() - startMs);
  for (const node of cluster.nodes)
    if (!(await isReady(node))) wrong.push(`${node.name} is not ready`);
  const lost = await clients.judge(cluster.nodes, { isFinal: true, seed: 1 });
  if (wrong.length + lost.length > 0) await explain(cluster.nodes, lost);
  const { did } = clients.report();
  const acknowledged = Object.values(did).reduce(
    (sum, { acknowledged: count = 0 }) => sum + count,
    0,
  );
  return { wrong: [...wrong, ...lost], figures: { acknowledged, restMs, lost: lost.length } };
}
