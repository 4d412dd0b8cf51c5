/** Everything that can go wrong, as a table: what happens, and what ends it again. Which, when and how often is the seed's to say. */
import { UNREACHABLE_AFTER_MS } from '../base/limits.ts';
import type { SimNode } from './cluster.ts';
import { MEMBERSHIP } from './membership-faults.ts';
import { FAIR_WEATHER } from './network.ts';
import { type Fault, loseDisk, type Scene } from './scene.ts';

const nothing = (): void => {};

/** How long a crash waits for a write to hit. */
const AMBUSH_MS = 500;
/** How long one lags before another disk is wiped. */
const LAG_MS = 2_000;
/** How long owners stay, at least. */
const STAY_MS = 3_000;

/** Cuts every pair that a test says, of nodes by number. */
function cut({ cluster }: Scene, isCut: (from: number, to: number) => boolean): () => void {
  const { nodes, network } = cluster;
  const pairs: string[] = [];
  for (const [i, from] of nodes.entries()) {
    for (const [j, to] of nodes.entries()) if (i !== j && isCut(i, j)) pairs.push(`${from.name}>${to.name}`);
  }
  for (const pair of pairs) network.cuts.add(pair);
  return () => {
    for (const pair of pairs) network.cuts.delete(pair);
  };
}

function cutOff(scene: Scene, node: SimNode): () => void {
  const lonely = scene.cluster.nodes.indexOf(node);
  return cut(scene, (from, to) => from === lonely || to === lonely);
}

function victim({ cluster, dice }: Scene): SimNode {
  return dice.pick(cluster.nodes.filter(({ hasLeft }) => !hasLeft));
}

/** Waits for a node that has a batch under way to its disk, and calls back then. */
function ambush({ cluster }: Scene, strike: (node: SimNode) => void): () => void {
  const { world, nodes } = cluster;
  const untilMs = world.nowMs + AMBUSH_MS;
  let isOver = false;
  const lurk = (): void => {
    if (isOver) return;
    const struck = nodes.find(({ node, disk }) => node !== undefined && disk.writing > 0);
    if (struck !== undefined) strike(struck);
    else if (world.nowMs < untilMs) world.after(1, lurk);
  };
  lurk();
  return () => (isOver = true);
}

function wipe(scene: Scene, node: SimNode): void {
  loseDisk(scene);
  node.crash();
  node.disk.replace(new Map());
}

/** Situations that take so long to show what they are about. */
export const LEAST_MS: Readonly<Record<string, number>> = {
  'owners come and go': 24_000,
  'wiped while another lags': 6_000,
  'wiped, then alone': 3_000,
  'crash in mid-write, then alone': 3_000,
};

/** Faults in which a disk loses what it had acknowledged; there may be one until its replicas have all again. */
const DISK_LOSSES: Readonly<Record<string, Fault>> = {
  'wiped disk': (scene) => {
    const node = victim(scene);
    wipe(scene, node);
    return () => node.start();
  },
  'wiped in mid-write': (scene) => {
    let struck: SimNode | undefined;
    const end = ambush(scene, (node) => {
      if (scene.disks.left === 0) return;
      struck = node;
      wipe(scene, node);
    });
    return () => {
      end();
      struck?.start();
    };
  },
  'wiped, then alone': (scene) => {
    const node = victim(scene);
    wipe(scene, node);
    const mend = cutOff(scene, node);
    node.start();
    return mend;
  },
  'wiped while another lags': (scene) => {
    const { world, nodes } = scene.cluster;
    const first = scene.dice.below(nodes.length);
    const [lagging, wiped, other] = [0, 1, 2].map((i) => nodes[(first + i) % nodes.length] as SimNode);
    if (lagging === undefined || wiped === undefined || other === undefined) return nothing;
    let mend = cutOff(scene, lagging);
    let isOver = false;
    world.after((0.5 + scene.dice.fraction()) * LAG_MS, () => {
      if (isOver || scene.disks.left === 0) return;
      wipe(scene, wiped);
      mend();
      mend = cutOff(scene, other);
      wiped.start();
    });
    return () => {
      isOver = true;
      mend();
    };
  },
  'damaged record': (scene) => {
    // A cluster that keeps everything once has nothing to put in its place.
    if (scene.cluster.quorum.n === 1) return nothing;
    const node = victim(scene);
    const key = node.disk.damage(scene.dice.below(1_000));
    if (key !== undefined) loseDisk(scene, () => !node.disk.isDamaged);
    scene.cluster.world.trace(`${node.name} damaged ${JSON.stringify(key)}`);
    return nothing;
  },
  'old copy restored': (scene) => {
    const node = victim(scene);
    const copy = scene.copies.get(node)?.[0];
    if (copy === undefined) return nothing;
    loseDisk(scene);
    // A replica that has forgotten does not know it, and counts for reads.
    scene.oracle.loosen();
    node.crash();
    node.disk.replace(copy);
    return () => node.start();
  },
};

/** Whether a fault makes a disk lose what it had. */
export const isDiskLoss = (name: string): boolean => Object.hasOwn(DISK_LOSSES, name);

const CRASHES: Readonly<Record<string, Fault>> = {
  crash: (scene) => {
    const node = victim(scene);
    node.crash();
    return () => node.start();
  },
  'crash of all': ({ cluster: { nodes } }) => {
    for (const node of nodes) node.crash();
    return () => {
      for (const node of nodes) node.start();
    };
  },
  // Long enough for others to stand in, and again and again: what is known of the last time must not be taken for this.
  'owners come and go': (scene) => {
    const { world, nodes } = scene.cluster;
    const key = scene.dice.pick(scene.keys);
    const owners = nodes.filter((node) => node.owns(key));
    let isOver = false;
    const go = (): void => {
      if (isOver) return;
      for (const node of owners) node.crash();
      world.after(UNREACHABLE_AFTER_MS + (1 + scene.dice.fraction()) * STAY_MS, come);
    };
    const come = (): void => {
      for (const node of owners) node.start();
      world.after(STAY_MS, go);
    };
    go();
    return () => (isOver = true);
  },
  'crash in mid-write': (scene) => {
    let struck: SimNode | undefined;
    const end = ambush(scene, (node) => {
      struck = node;
      node.crash();
    });
    return () => {
      end();
      struck?.start();
    };
  },
  'crash in mid-write, then alone': (scene) => {
    let mend = nothing;
    const end = ambush(scene, (node) => {
      node.crash();
      mend = cutOff(scene, node);
      node.start();
    });
    return () => {
      end();
      mend();
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
  'clock jumps': (scene) => {
    const node = victim(scene);
    node.skewMs += (scene.dice.fraction() - 0.5) * 7_200_000;
    scene.oracle.history.areClocksApart = true;
    return nothing;
  },
};

const NETWORK: Readonly<Record<string, Fault>> = {
  'cut in two': (scene) => {
    const sides = scene.cluster.nodes.map(() => scene.dice.chance(0.5));
    return cut(scene, (from, to) => sides[from] !== sides[to]);
  },
  'one cut off': (scene) => cutOff(scene, victim(scene)),
  'one way only': (scene) => {
    const deaf = scene.dice.below(scene.cluster.nodes.length);
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
    const { dice } = scene;
    const { world, nodes } = scene.cluster;
    const [a, b] = [dice.below(nodes.length), dice.below(nodes.length)];
    let isOver = false;
    let mend = nothing;
    const flap = (): void => {
      mend();
      mend = nothing;
      if (isOver) return;
      if (dice.chance(0.5)) mend = cut(scene, (from, to) => (from === a && to === b) || (from === b && to === a));
      world.after(50 + dice.below(500), flap);
    };
    flap();
    return () => (isOver = true);
  },
  'bad weather': ({ dice, cluster: { network } }) => {
    const { weather } = network;
    const { delayMs } = weather;
    Object.assign(weather, {
      lossRate: dice.fraction() * 0.3,
      doubleRate: dice.fraction() * 0.3,
      delayMs: 1 + dice.fraction() * 50,
      lateRate: dice.fraction() * 0.2,
      lateMs: dice.fraction() * 4_000,
    });
    return () => Object.assign(weather, { ...FAIR_WEATHER, delayMs });
  },
};

const DISKS: Readonly<Record<string, Fault>> = {
  'slow disk': (scene) => {
    const { disk } = victim(scene);
    disk.delayMs = 100 + scene.dice.below(1_500);
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
};

/** All faults by name. */
export const FAULTS: Readonly<Record<string, Fault>> = {
  ...CRASHES,
  ...NETWORK,
  ...DISKS,
  ...DISK_LOSSES,
  ...MEMBERSHIP,
};
