/** The parts of faults: random nodes, cut links, conditions to wait for, and steps in order. */
import type { SimNode } from './cluster.ts';
import { loseDisk, type Scene } from './scene.ts';

/** Undoes nothing. */
export const doNothing = (): void => {};

/** The longest time for which a fault waits for its condition. */
const CONDITION_MS = 500;
/** The pause between two checks whether the condition of a step holds. */
const LOOK_MS = 1;

/** Cuts the links between all pairs of nodes, by number, that pass a test. */
export function cutLinks(
  { cluster }: Scene,
  isCut: (from: number, to: number) => boolean,
): () => void {
  const { nodes, network } = cluster;
  const pairs: string[] = [];
  for (const [i, from] of nodes.entries()) {
    for (const [j, to] of nodes.entries())
      if (i !== j && isCut(i, j)) pairs.push(`${from.name}>${to.name}`);
  }
  for (const pair of pairs) network.cuts.add(pair);
  return () => {
    for (const pair of pairs) network.cuts.delete(pair);
  };
}

/** Cuts a node off from all others. */
export function isolate(scene: Scene, node: SimNode): () => void {
  const isolated = scene.cluster.nodes.indexOf(node);
  return cutLinks(scene, (from, to) => from === isolated || to === isolated);
}

/** Holds frames on some links. Returns a function that releases them in order. */
export function stallLinks({ cluster: { network } }: Scene, pairs: readonly string[]): () => void {
  const resumes = pairs.map((pair) => network.stall(pair));
  return () => {
    for (const resume of resumes) resume();
  };
}

/** Returns any node that belongs to the cluster. */
export function pickNode({ cluster, dice }: Scene): SimNode {
  return dice.pick(cluster.nodes.filter(({ hasLeft }) => !hasLeft));
}

/** A condition of a node, and the pause between two checks of it. */
export interface NodeCondition {
  readonly holds: (node: SimNode) => boolean;
  readonly everyMs: number;
  readonly withinMs?: number;
}

/** A batch is under way to the disk. */
export const MID_WRITE: NodeCondition = {
  holds: ({ node, disk }) => node !== undefined && disk.writing > 0,
  everyMs: 1,
};

/**
 * Waits until a condition holds for any node, and calls back with that node. Returns a function
 * that ends the wait.
 */
export function whenAnyNode(
  { cluster }: Scene,
  { holds, everyMs, withinMs = CONDITION_MS }: NodeCondition,
  act: (node: SimNode) => void,
): () => void {
  const { world, nodes } = cluster;
  const untilMs = world.nowMs + withinMs;
  let isOver = false;
  const check = (): void => {
    if (isOver) return;
    const found = nodes.find((node) => !node.hasLeft && holds(node));
    if (found !== undefined) act(found);
    else if (world.nowMs < untilMs) world.after(everyMs, check);
  };
  check();
  return () => (isOver = true);
}

/** Crashes a node, and wipes its disk. */
export function wipe(scene: Scene, node: SimNode): void {
  loseDisk(scene);
  node.crash();
  node.disk.replace(new Map());
  // The node forgets that it was declared gone.
  if (node.mustBecome === 'gone') node.mustBecome = undefined;
}

/** A step, which is taken after some time, or when its condition holds. */
export interface Step {
  readonly at: number | (() => boolean);
  readonly act: () => void;
}

/** Takes one step after the other. Returns a function that stops this. */
export function runSteps({ cluster: { world } }: Scene, steps: readonly Step[]): () => void {
  let isOver = false;
  const go = (index: number): void => {
    const step = steps[index];
    if (step === undefined || isOver) return;
    const { at, act } = step;
    const take = (): void => {
      if (isOver) return;
      act();
      go(index + 1);
    };
    if (typeof at === 'number') return void world.after(at, take);
    if (at()) return take();
    world.after(LOOK_MS, () => go(index));
  };
  go(0);
  return () => (isOver = true);
}

/** Returns three owners of a key, in any order. */
export function pickThreeOwners({ cluster, dice, keys }: Scene): readonly SimNode[] {
  const key = dice.pick(keys);
  const owners = cluster.nodes.filter((node) => node.owns(key));
  const first = dice.below(Math.max(1, owners.length));
  return owners.length < 3
    ? []
    : [0, 1, 2].map((i) => owners[(first + i) % owners.length] as SimNode);
}

/** Cuts the links between two groups of nodes. */
export function separate(
  scene: Scene,
  one: readonly SimNode[],
  other: readonly SimNode[],
): () => void {
  const { nodes } = scene.cluster;
  const isOf = (group: readonly SimNode[], i: number): boolean =>
    group.includes(nodes[i] as SimNode);
  return cutLinks(
    scene,
    (from, to) => (isOf(one, from) && isOf(other, to)) || (isOf(other, from) && isOf(one, to)),
  );
}
