/**
 * The growth of costs with restarts: node 3 is killed a thousand times, and writes in each life.
 * The nodes are production nodes in the simulator's world. A thousand restarts take minutes, every
 * frame is counted, and only processor time depends on this machine.
 */
import { setImmediate as nextTurn } from 'node:timers/promises';
import { getHeapSpaceStatistics, setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { partitionOf } from '../../src/core/placement/partition.ts';
import { SimCluster, type SimNode } from '../../src/sim/cluster.ts';
import { type ReadOutcome, readKey, writeKey } from '../../src/sim/http.ts';
import { World } from '../../src/sim/world.ts';
import { freshKeys } from './draws.ts';
import type { Bench, Findings } from './experiment.ts';
import { growthOf } from './growth-data.ts';
import type { Curve } from './report.ts';

const RESTARTS = 1_000;
const MEASURED = [10, 30, 100, 300, 1_000];
/**
 * Partitions with writes, and keys in each. The other partitions only add to the cost of each
 * comparison.
 */
const PARTITIONS_WRITTEN = 8;
const KEYS_EACH = 2;
const BIRTH_MS = 30_000;
/**
 * The virtual time of one life, in which its writes spread, logs are cut, and rounds of sync
 * compare.
 */
const LIFE_MS = 2_500;
/** Longer than twice `lostAfterMs`, after which a gap is closed at the latest. */
const HEAL_MS = 200_000;
const ROUNDS = 20;
/** How often a node misses writes, how long it is cut off, and how long it may then catch up. */
const CUTS = 5;
const CUT_MS = 6_000;
const IDLE_MS = 20_000;
const KIB = 1024;

/** The nodes, and the writes of the clients in one life. */
interface Scene {
  readonly world: World;
  readonly cluster: SimCluster;
  readonly keys: readonly string[];
}

function openScene(): Scene {
  const world = new World(42);
  const cluster = new SimCluster(world, { count: 3 });
  for (const node of cluster.nodes) node.start();
  const byPartition = new Map<number, string[]>();
  for (const next = freshKeys('lives-'); ;) {
    const key = next();
    const keys = byPartition.get(partitionOf(key)) ?? [];
    if (keys.length >= KEYS_EACH || (keys.length === 0 && byPartition.size === PARTITIONS_WRITTEN))
      continue;
    byPartition.set(partitionOf(key), [...keys, key]);
    if ([...byPartition.values()].flat().length === PARTITIONS_WRITTEN * KEYS_EACH) break;
  }
  return { world, cluster, keys: [...byPartition.values()].flat() };
}

/** Lets virtual time pass until a promise has settled. */
async function settled<T>(world: World, promise: Promise<T>): Promise<T> {
  let isOver = false;
  const done = promise.finally(() => (isOver = true));
  done.catch(() => {});
  await world.run(world.nowMs + HEAL_MS, () => isOver);
  return done;
}

/**
 * Reads each key at a node and writes it with the token of the answer. Returns the number of failed
 * requests, and the last read.
 */
async function useKeys(
  { world, keys }: Scene,
  node: SimNode,
): Promise<{ failed: number; last: ReadOutcome | undefined }> {
  let failed = 0;
  let last: ReadOutcome | undefined;
  for (const key of keys) {
    try {
      last = await settled(world, readKey(node, key));
      await settled(world, writeKey(node, key, { value: 'x'.repeat(100), token: last.token }));
    } catch {
      failed += 1;
    }
  }
  return { failed, last };
}

async function rest({ world, cluster }: Scene): Promise<boolean> {
  await world.run(world.nowMs + HEAL_MS, () => cluster.isAtRest());
  return cluster.isAtRest();
}

const collectGarbage = ((): (() => void) => {
  setFlagsFromString('--expose-gc');
  return runInNewContext('gc') as () => void;
})();

interface Spent {
  readonly frames: number;
  readonly bytes: number;
  readonly cpuMs: number;
}

/** A cost: frames and bytes on the network, and the processor time of all nodes together. */
async function spend({ cluster: { network } }: Scene, act: () => Promise<unknown>): Promise<Spent> {
  const bytes = (): number => [...network.bytesTo.values()].reduce((sum, each) => sum + each, 0);
  const [frames, sent, cpu] = [network.frames, bytes(), process.cpuUsage()];
  await act();
  const { user, system } = process.cpuUsage(cpu);
  return { frames: network.frames - frames, bytes: bytes() - sent, cpuMs: (user + system) / 1000 };
}

/**
 * Cuts node 2 off, lets it miss writes, and lets sync bring them. Returns the number of failed
 * requests.
 */
async function missAndPull(scene: Scene): Promise<number> {
  const { world, cluster } = scene;
  const [first, second, third] = cluster.nodes as [SimNode, SimNode, SimNode];
  for (const other of [first, third]) {
    cluster.network.cuts.add(`${other.name}>${second.name}`);
    cluster.network.cuts.add(`${second.name}>${other.name}`);
  }
  await world.run(world.nowMs + CUT_MS);
  const { failed } = await useKeys(scene, first);
  const failedToo = (await useKeys(scene, third)).failed;
  cluster.network.cuts.clear();
  await world.run(world.nowMs + CUT_MS);
  return failed + failedToo + ((await rest(scene)) ? 0 : 1);
}

const COSTS = [
  'token chars',
  'write B',
  'sync KiB',
  'sync ms',
  'idle B/frame',
  'idle ms/s',
  'disk KiB',
  'memory MiB',
] as const;

/**
 * All costs after a number of restarts. `failed` counts requests that failed or had a wrong answer.
 */
async function costsNow(scene: Scene): Promise<{ costs: number[]; failed: number }> {
  const { world, cluster, keys } = scene;
  const [first, , third] = cluster.nodes as [SimNode, SimNode, SimNode];
  let failed = (await rest(scene)) ? 0 : 1;
  let token = '';
  const written = await spend(scene, async () => {
    for (let round = 0; round < ROUNDS; round++) {
      const used = await useKeys(scene, round % 2 === 0 ? first : third);
      failed += used.failed;
      token = used.last?.token ?? '';
    }
  });
  failed += (await rest(scene)) ? 0 : 1;
  const synced = await spend(scene, async () => {
    for (let cut = 0; cut < CUTS; cut++) failed += await missAndPull(scene);
  });
  const idle = await spend(scene, () => world.run(world.nowMs + IDLE_MS));
  // Memory that the first pass finds to be free is returned in a later turn.
  for (let pass = 0; pass < 3; pass++) {
    collectGarbage();
    await nextTurn();
  }
  const rows = cluster.nodes.flatMap(({ disk }) => [...disk.rows]);
  const diskBytes = rows.reduce((sum, [key, value]) => sum + key.length + value.length, 0);
  const { arrayBuffers } = process.memoryUsage();
  const dataBytes = getHeapSpaceStatistics()
    .filter(({ space_name: name }) => !name.startsWith('code'))
    .reduce((sum, { space_used_size: bytes }) => sum + bytes, 0);
  // The disks are simulated in memory. Compiled code grows with the time, not with the restarts.
  const memoryBytes = dataBytes + arrayBuffers - diskBytes;
  const costs = [
    token.length,
    written.bytes / (ROUNDS * keys.length),
    synced.bytes / CUTS / KIB,
    synced.cpuMs / CUTS,
    idle.bytes / idle.frames,
    idle.cpuMs / (IDLE_MS / 1000),
    diskBytes / KIB,
    memoryBytes / KIB / KIB,
  ];
  return { costs, failed };
}

/**
 * The cost of messages, rounds of sync and memory while node 3 is killed again and again, and
 * writes in each life.
 */
export async function growRestarts({ print }: Pick<Bench, 'print'>): Promise<Findings> {
  const scene = openScene();
  const { world, cluster } = scene;
  const victim = cluster.nodes[2] as SimNode;
  await world.run(BIRTH_MS, () => cluster.isAtRest());
  // Warms up first. Otherwise the compiler would be measured.
  for (let i = 0; i < 3; i++) await costsNow(scene);
  const points: Curve['points'][number][] = [];
  let errors = 0;
  for (let restart = 1; restart <= RESTARTS; restart++) {
    victim.crash();
    victim.start();
    const isBack = (): boolean => {
      const { isReady = false, peers = [] } = victim.node?.status() ?? {};
      return isReady && peers.every(({ reach }) => reach === 'reachable');
    };
    await world.run(world.nowMs + HEAL_MS, isBack);
    errors += (await useKeys(scene, victim)).failed;
    await world.run(world.nowMs + LIFE_MS);
    if (!MEASURED.includes(restart)) continue;
    const { costs, failed } = await costsNow(scene);
    errors += failed;
    points.push({ at: restart, costs });
    print(`growth-restarts: ${restart} restarts`);
  }
  const growth = COSTS.map((cost, i) => `${cost} ${growthOf({ points }, i)}`).join(', ');
  const statement = `from the ${MEASURED[0]}th to the ${RESTARTS}th restart: ${growth}`;
  const growthIn = (name: (typeof COSTS)[number]): number => {
    const [first, last] = [points[0], points.at(-1)].map(
      (point) => point?.costs[COSTS.indexOf(name)] ?? 0,
    );
    return (last ?? 0) / (first ?? 1);
  };
  const values = {
    restartWriteGrowth: growthIn('write B'),
    restartSyncGrowth: growthIn('sync KiB'),
    restartMemoryGrowth: growthIn('memory MiB'),
  };
  return {
    values,
    curves: [{ name: 'restarts', grows: 'restarts', costs: COSTS, points, statement }],
    errors,
  };
}
