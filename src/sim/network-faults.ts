/** Faults of the network: cuts, lost and late frames, links that stall, changed addresses. */
import { IDEAL_CONDITIONS } from './network.ts';
import type { Fault } from './scene.ts';
import { cutLinks, doNothing, isolate, pickNode, stallLinks } from './fault-parts.ts';

/** The share of links that stall at the same time, and how long they may stall. */
const STALL_RATE = 0.2;
const STALL_MS = [100, 600, 2_500, 5_000];

/** The faults by name. */
export const NETWORK_FAULTS: Readonly<Record<string, Fault>> = {
  'cut in two': (scene) => {
    const sides = scene.cluster.nodes.map(() => scene.dice.chance(0.5));
    return cutLinks(scene, (from, to) => sides[from] !== sides[to]);
  },
  'one cut off': (scene) => isolate(scene, pickNode(scene)),
  'one way only': (scene) => {
    const deaf = scene.dice.below(scene.cluster.nodes.length);
    return cutLinks(scene, (_, to) => to === deaf);
  },
  bridge: (scene) => {
    const middle = scene.cluster.nodes.length >> 1;
    return cutLinks(
      scene,
      (from, to) => (from < middle && to > middle) || (from > middle && to < middle),
    );
  },
  ring: (scene) => {
    const { length } = scene.cluster.nodes;
    return cutLinks(scene, (from, to) => to !== (from + 1) % length && from !== (to + 1) % length);
  },
  'flapping link': (scene) => {
    const { dice } = scene;
    const { world, nodes } = scene.cluster;
    const [a, b] = [dice.below(nodes.length), dice.below(nodes.length)];
    let isOver = false;
    let heal = doNothing;
    const flap = (): void => {
      heal();
      heal = doNothing;
      if (isOver) return;
      if (dice.chance(0.5))
        heal = cutLinks(scene, (from, to) => (from === a && to === b) || (from === b && to === a));
      world.after(50 + dice.below(500), flap);
    };
    flap();
    return () => (isOver = true);
  },
  'bad weather': ({ dice, cluster: { network } }) => {
    const { conditions } = network;
    const { delayMs } = conditions;
    Object.assign(conditions, {
      lossRate: dice.fraction() * 0.3,
      doubleRate: dice.fraction() * 0.3,
      delayMs: 1 + dice.fraction() * 50,
      lateRate: dice.fraction() * 0.2,
      // Longer than any request waits, and longer than an owner keeps a key for a write.
      lateMs: dice.fraction() * 10_000,
      isKept: dice.chance(0.5),
    });
    return () => Object.assign(conditions, { ...IDEAL_CONDITIONS, delayMs });
  },
  // A link stalls like TCP: no frame comes for seconds, then all come in order.
  'stalled link': (scene) => {
    const [from, to] = [pickNode(scene).name, pickNode(scene).name];
    return stallLinks(scene, [`${from}>${to}`]);
  },
  'stalled node': (scene) => {
    const { name } = pickNode(scene);
    const others = scene.cluster.nodes.map((node) => node.name);
    const isDeaf = scene.dice.chance(0.5);
    return stallLinks(
      scene,
      others.map((other) => (isDeaf ? `${other}>${name}` : `${name}>${other}`)),
    );
  },
  'links stall one after another': (scene) => {
    const { world, nodes } = scene.cluster;
    let isOver = false;
    let resume = doNothing;
    const next = (): void => {
      resume();
      if (isOver) return;
      const pairs = nodes.flatMap(({ name: a }) => nodes.map(({ name: b }) => `${a}>${b}`));
      resume = stallLinks(
        scene,
        pairs.filter(() => scene.dice.chance(STALL_RATE)),
      );
      world.after(scene.dice.pick(STALL_MS), next);
    };
    next();
    return () => {
      isOver = true;
      resume();
    };
  },
  'changed address': (scene) => {
    const node = pickNode(scene);
    if (scene.dice.chance(0.5)) node.stop();
    else node.crash();
    node.changeAddress();
    node.start();
    return doNothing;
  },
  'addresses change and links hang': (scene) => {
    const [moved, hung] = [pickNode(scene), pickNode(scene)];
    const resume = stallLinks(scene, [`${hung.name}>${moved.name}`, `${moved.name}>${hung.name}`]);
    moved.crash();
    moved.changeAddress();
    moved.start();
    return resume;
  },
};
