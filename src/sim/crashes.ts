/** Faults of processes: kills, stops and pauses at any moment, and jumps of wall clocks. */
import { UNREACHABLE_AFTER_MS } from '../cluster/limits.ts';
import type { SimNode } from './cluster.ts';
import type { Fault, Scene } from './scene.ts';
import { ambush, cut, cutOff, MID_WRITE, type NodeMoment, nothing, victim } from './fault-parts.ts';

/** The least time for which owners stay. */
const STAY_MS = 3_000;
/** The time for which only some links work. */
const PARTLY_MS = 2_000;
/** The longest pause of a process, and the longest time until the next one. */
const PAUSES_MS = [20, 100, 600, 2_500, 6_000];
const PAUSE_GAP_MS = 1_500;

/** The longest wait for a node to be in the state in which it must be killed. */
const withinMs = 5_000;

const CHANGES_STATE: NodeMoment = {
  isIt: ({ node }) => node !== undefined && node.state !== 'up' && node.status().handoff.all > 0,
  everyMs: 20,
  withinMs,
};
const CATCHES_UP: NodeMoment = {
  isIt: ({ node }) => node !== undefined && node.syncStatus.running > 0,
  everyMs: 20,
  withinMs,
};
const MENDS_STORE: NodeMoment = {
  isIt: ({ node }) => node !== undefined && node.storeStatus.state !== 'ok',
  everyMs: 20,
  withinMs,
};

/** The faults by name. */
export const CRASHES: Readonly<Record<string, Fault>> = {
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
    let struck: SimNode | undefined;
    const end = ambush(scene, MID_WRITE, (node) => {
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
    const end = ambush(scene, MID_WRITE, (node) => {
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
  // A pause may come between any two steps.
  'pauses all over': (scene) => {
    const { world } = scene.cluster;
    let isOver = false;
    const next = (): void => {
      if (isOver) return;
      const { life } = victim(scene);
      life?.pause();
      world.after(scene.dice.pick(PAUSES_MS), () => life?.resume());
      world.after(scene.dice.fraction() * PAUSE_GAP_MS, next);
    };
    next();
    return () => (isOver = true);
  },
  'killed while it joins or leaves': (scene) => killed(scene, CHANGES_STATE),
  'killed while it catches up': (scene) => killed(scene, CATCHES_UP),
  'killed while its store is mended': (scene) => killed(scene, MENDS_STORE),
  // Owners and others cannot hear each other, then only some can, and then some fallbacks are away
  // for longer than a gap lasts.
  'fallbacks away': (scene) => {
    const { cluster, dice } = scene;
    const { world, nodes } = cluster;
    const key = dice.pick(scene.keys);
    const areOwners = nodes.map((node) => node.owns(key));
    let mend = cut(scene, (from, to) => areOwners[from] !== areOwners[to]);
    let isOver = false;
    const away: SimNode[] = [];
    const partly = (): void => {
      if (isOver) return;
      mend();
      const links = nodes.map(() => nodes.map(() => dice.chance(0.5)));
      mend = cut(scene, (from, to) => links[Math.min(from, to)]?.[Math.max(from, to)] === true);
      world.after((1 + dice.fraction()) * PARTLY_MS, without);
    };
    const without = (): void => {
      if (isOver) return;
      mend();
      away.push(...nodes.filter((_, i) => areOwners[i] === false && dice.chance(0.6)));
      for (const node of away) node.crash();
    };
    world.after(UNREACHABLE_AFTER_MS + (1 + dice.fraction()) * STAY_MS, partly);
    return () => {
      isOver = true;
      mend();
      for (const node of away) node.start();
    };
  },
};

function killed(scene: Scene, moment: NodeMoment): () => void {
  let struck: SimNode | undefined;
  const end = ambush(scene, moment, (node) => {
    struck = node;
    node.crash();
  });
  return () => {
    end();
    struck?.start();
  };
}
