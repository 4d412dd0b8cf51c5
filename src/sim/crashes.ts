/** Faults of processes: kills, stops and pauses at any moment, and jumps of wall clocks. */
import { UNREACHABLE_AFTER_MS } from '../cluster/limits.ts';
import type { SimNode } from './cluster.ts';
import type { Fault, Scene } from './scene.ts';
import {
  cutLinks,
  doNothing,
  isolate,
  MID_WRITE,
  type NodeCondition,
  pickNode,
  whenAnyNode,
} from './fault-parts.ts';

/** The least time for which owners stay. */
const STAY_MS = 3_000;
/** The time for which only some links work. */
const PARTLY_MS = 2_000;
/** The longest pause of a process, and the longest time until the next one. */
const PAUSES_MS = [20, 100, 600, 2_500, 6_000];
const PAUSE_GAP_MS = 1_500;

/** The longest wait for a node to be in the state in which it must be killed. */
const withinMs = 5_000;

const CHANGES_STATE: NodeCondition = {
  holds: ({ node }) => node !== undefined && node.state !== 'up' && node.status().handoff.all > 0,
  everyMs: 20,
  withinMs,
};
const CATCHES_UP: NodeCondition = {
  holds: ({ node }) => node !== undefined && node.syncStatus.running > 0,
  everyMs: 20,
  withinMs,
};
const MENDS_STORE: NodeCondition = {
  holds: ({ node }) => node !== undefined && node.storeStatus.state !== 'ok',
  everyMs: 20,
  withinMs,
};

/** The faults by name. */
export const CRASHES: Readonly<Record<string, Fault>> = {
  crash: (scene) => {
    const node = pickNode(scene);
    node.crash();
    return () => node.start();
  },
  'crash of all': ({ cluster: { nodes } }) => {
    for (const node of nodes) node.crash();
    return () => {
      for (const node of nodes) node.start();
    };
  },
  // Fallbacks have time to take over, several times. Evidence of the last time must not count now.
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
    let crashed: SimNode | undefined;
    const end = whenAnyNode(scene, MID_WRITE, (node) => {
      crashed = node;
      node.crash();
    });
    return () => {
      end();
      crashed?.start();
    };
  },
  'crash in mid-write, then alone': (scene) => {
    let heal = doNothing;
    const end = whenAnyNode(scene, MID_WRITE, (node) => {
      node.crash();
      heal = isolate(scene, node);
      node.start();
    });
    return () => {
      end();
      heal();
    };
  },
  'crash and start at once': (scene) => {
    const node = pickNode(scene);
    node.crash();
    node.start();
    return doNothing;
  },
  'clean stop': (scene) => {
    const node = pickNode(scene);
    node.stop();
    return () => node.start();
  },
  pause: (scene) => {
    const { life } = pickNode(scene);
    life?.pause();
    return () => life?.resume();
  },
  'clock jumps': (scene) => {
    const node = pickNode(scene);
    node.skewMs += (scene.dice.fraction() - 0.5) * 7_200_000;
    scene.oracle.history.areClocksApart = true;
    return doNothing;
  },
  // A pause may come between any two steps.
  'pauses all over': (scene) => {
    const { world } = scene.cluster;
    let isOver = false;
    const next = (): void => {
      if (isOver) return;
      const { life } = pickNode(scene);
      life?.pause();
      world.after(scene.dice.pick(PAUSES_MS), () => life?.resume());
      world.after(scene.dice.fraction() * PAUSE_GAP_MS, next);
    };
    next();
    return () => (isOver = true);
  },
  'killed while it joins or leaves': (scene) => crashWhen(scene, CHANGES_STATE),
  'killed while it catches up': (scene) => crashWhen(scene, CATCHES_UP),
  'killed while its store is mended': (scene) => crashWhen(scene, MENDS_STORE),
  // Owners and others cannot hear each other, then only some can, and then some fallbacks are away
  // for longer than a gap lasts.
  'fallbacks away': (scene) => {
    const { cluster, dice } = scene;
    const { world, nodes } = cluster;
    const key = dice.pick(scene.keys);
    const areOwners = nodes.map((node) => node.owns(key));
    let heal = cutLinks(scene, (from, to) => areOwners[from] !== areOwners[to]);
    let isOver = false;
    const away: SimNode[] = [];
    const partly = (): void => {
      if (isOver) return;
      heal();
      const links = nodes.map(() => nodes.map(() => dice.chance(0.5)));
      heal = cutLinks(
        scene,
        (from, to) => links[Math.min(from, to)]?.[Math.max(from, to)] === true,
      );
      world.after((1 + dice.fraction()) * PARTLY_MS, without);
    };
    const without = (): void => {
      if (isOver) return;
      heal();
      away.push(...nodes.filter((_, i) => areOwners[i] === false && dice.chance(0.6)));
      for (const node of away) node.crash();
    };
    world.after(UNREACHABLE_AFTER_MS + (1 + dice.fraction()) * STAY_MS, partly);
    return () => {
      isOver = true;
      heal();
      for (const node of away) node.start();
    };
  },
};

function crashWhen(scene: Scene, condition: NodeCondition): () => void {
  let crashed: SimNode | undefined;
  const end = whenAnyNode(scene, condition, (node) => {
    crashed = node;
    node.crash();
  });
  return () => {
    end();
    crashed?.start();
  };
}
