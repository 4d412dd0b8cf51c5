/** Everything that can go wrong, as a table: what happens, and what ends it again. Which, when and how often is the seed's to say. */
import type { SimCluster, SimNode } from './cluster.ts';
import type { Oracle } from './oracle.ts';

/** What a fault works on. */
export interface Scene {
  readonly cluster: SimCluster;
  readonly oracle: Oracle;
  /** Disks that may still lose something: fewer than W in a run. */
  disksToLose: number;
}

/** Does harm; returns what undoes it. */
type Fault = (scene: Scene) => () => void;

const nothing = (): void => {};

function cut(scene: Scene, isCut: (from: number, to: number) => boolean): () => void {
  const { nodes, network } = scene.cluster;
  const pairs: string[] = [];
  for (const [i, from] of nodes.entries()) {
    for (const [j, to] of nodes.entries()) if (i !== j && isCut(i, j)) pairs.push(`${from.name}>${to.name}`);
  }
  for (const pair of pairs) network.cuts.add(pair);
  return () => {
    for (const pair of pairs) network.cuts.delete(pair);
  };
}

function victim({ cluster }: Scene): SimNode {
  return cluster.world.dice.pick(cluster.nodes);
}

/** Takes a disk that may lose something, with all nodes up and complete; undefined where that is not so. */
function expendable(scene: Scene): SimNode | undefined {
  const isWell = scene.cluster.nodes.every(({ node }) => {
    const sync = node?.status()['sync'] as { incomplete: number } | undefined;
    return sync?.incomplete === 0;
  });
  if (!isWell || scene.disksToLose === 0) return undefined;
  scene.disksToLose -= 1;
  scene.oracle.isStrict = false;
  return victim(scene);
}

/** All faults by name. */
export const FAULTS: Readonly<Record<string, Fault>> = {
  crash: (scene) => {
    const node = victim(scene);
    node.crash();
    return () => node.start();
  },
  'crash of all': (scene) => {
    for (const node of scene.cluster.nodes) node.crash();
    return () => {
      for (const node of scene.cluster.nodes) node.start();
    };
  },
  'crash and start at once': (scene) => {
    const node = victim(scene);
    node.crash();
    node.start();
    return nothing;
  },
  'clean stop': (scene) => {
    const node = victim(scene);
    node.stop();
    return () => node.start();
  },
  pause: (scene) => {
    const { life } = victim(scene);
    life?.pause();
    return () => life?.resume();
  },
  'cut in two': (scene) => {
    const { dice } = scene.cluster.world;
    const sides = scene.cluster.nodes.map(() => dice.chance(0.5));
    return cut(scene, (from, to) => sides[from] !== sides[to]);
  },
  'one cut off': (scene) => {
    const lonely = scene.cluster.world.dice.below(scene.cluster.nodes.length);
    return cut(scene, (from, to) => from === lonely || to === lonely);
  },
  'one way only': (scene) => {
    const deaf = scene.cluster.world.dice.below(scene.cluster.nodes.length);
    return cut(scene, (_, to) => to === deaf);
  },
  bridge: (scene) => {
    const middle = scene.cluster.nodes.length >> 1;
    return cut(scene, (from, to) => (from < middle && to > middle) || (from > middle && to < middle));
  },
  'bad weather': (scene) => {
    const { dice } = scene.cluster.world;
    const { weather } = scene.cluster.network;
    Object.assign(weather, {
      lossRate: dice.fraction() * 0.3,
      doubleRate: dice.fraction() * 0.3,
      delayMs: 1 + dice.fraction() * 50,
      lateRate: dice.fraction() * 0.2,
      lateMs: dice.fraction() * 4_000,
    });
    return () => Object.assign(weather, { lossRate: 0, doubleRate: 0, delayMs: 1, lateRate: 0 });
  },
  'slow disk': (scene) => {
    const { disk } = victim(scene);
    disk.delayMs = 100 + scene.cluster.world.dice.below(1_500);
    return () => (disk.delayMs = 1);
  },
  'failing disk': (scene) => {
    const { disk } = victim(scene);
    disk.failRate = 0.2;
    return () => (disk.failRate = 0);
  },
  'full disk': (scene) => {
    const { disk } = victim(scene);
    disk.isFull = true;
    return () => (disk.isFull = false);
  },
  'clock jumps': (scene) => {
    const { life } = victim(scene);
    if (life !== undefined) life.skewMs += (scene.cluster.world.dice.fraction() - 0.5) * 7_200_000;
    return nothing;
  },
  'wiped disk': (scene) => {
    const node = expendable(scene);
    node?.crash();
    node?.disk.replace(new Map());
    return () => node?.start();
  },
  'damaged record': (scene) => {
    const node = expendable(scene);
    const key = node?.disk.damage(scene.cluster.world.dice.below(1_000));
    scene.cluster.world.trace(`${node?.name ?? 'nobody'} damaged ${JSON.stringify(key)}`);
    return nothing;
  },
  'old copy restored': (scene) => {
    const node = expendable(scene);
    if (node === undefined) return nothing;
    const copy = new Map(node.disk.rows);
    return () => {
      node.crash();
      node.disk.replace(copy);
      node.start();
    };
  },
};
