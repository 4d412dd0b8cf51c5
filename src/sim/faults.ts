/** Everything that can go wrong, as a table: what happens, and what ends it again. Which, when and how often is the seed's to say. */
import type { SimCluster, SimNode } from './cluster.ts';
import type { Oracle } from './oracle.ts';

/** What a fault works on. */
export interface Scene {
  readonly cluster: SimCluster;
  readonly oracle: Oracle;
  /** The last copies of each disk, oldest first. */
  readonly copies: Map<SimNode, ReadonlyMap<string, Uint8Array>[]>;
  /** Disks that may still lose something: fewer than W in a run. */
  disksToLose: number;
}

/** Does harm; returns what undoes it. */
type Fault = (scene: Scene) => () => void;

const nothing = (): void => {};

/** How long a crash waits for a write to hit. */
const AMBUSH_MS = 500;

interface Pending {
  readonly pending?: { readonly rows: number };
}

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

/** Takes a disk that may lose something; undefined where the run has no more to lose. */
function expendable(scene: Scene): SimNode | undefined {
  if (scene.disksToLose === 0) return undefined;
  scene.disksToLose -= 1;
  return victim(scene);
}

/** Faults in which a disk loses what it had acknowledged; a run can bear one. */
export const DISK_LOSSES: readonly string[] = ['wiped disk', 'damaged record', 'old copy restored'];

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
  'crash in mid-write': (scene) => {
    const { world, nodes } = scene.cluster;
    let struck: SimNode | undefined;
    const untilMs = world.nowMs + AMBUSH_MS;
    let isOver = false;
    const lurk = (): void => {
      if (isOver) return;
      struck = nodes.find(({ node }) => (node?.status()['store'] as Pending | undefined)?.pending?.rows ?? 0);
      if (struck !== undefined) struck.crash();
      else if (world.nowMs < untilMs) world.after(1, lurk);
    };
    lurk();
    return () => {
      isOver = true;
      struck?.start();
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
  ring: (scene) => {
    const { length } = scene.cluster.nodes;
    return cut(scene, (from, to) => to !== (from + 1) % length && from !== (to + 1) % length);
  },
  'flapping link': (scene) => {
    const { world, nodes } = scene.cluster;
    const [a, b] = [world.dice.below(nodes.length), world.dice.below(nodes.length)];
    let isOver = false;
    let mend = nothing;
    const flap = (): void => {
      mend();
      mend = nothing;
      if (isOver) return;
      if (world.dice.chance(0.5)) mend = cut(scene, (from, to) => (from === a && to === b) || (from === b && to === a));
      world.after(50 + world.dice.below(500), flap);
    };
    flap();
    return () => (isOver = true);
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
    const copy = node === undefined ? undefined : scene.copies.get(node)?.[0];
    if (node === undefined || copy === undefined) return nothing;
    // A replica that has forgotten does not know it, and counts for reads.
    scene.oracle.isStrict = false;
    node.crash();
    node.disk.replace(copy);
    return () => node.start();
  },
};
