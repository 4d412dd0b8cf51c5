/** The parts of faults: victims, cuts, moments to wait for, and steps in order. */
import type { SimNode } from './cluster.ts';
import { loseDisk, type Scene } from './scene.ts';

/** Undoes nothing. */
export const nothing = (): void => {};

/** The longest time for which a fault waits for its moment. */
const AMBUSH_MS = 500;
/** The pause between two looks whether the condition of a step holds. */
const LOOK_MS = 1;

/** Cuts every pair of nodes, by number, that passes a test. */
export function cut({ cluster }: Scene, isCut: (from: number, to: number) => boolean): () => void {
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
export function cutOff(scene: Scene, node: SimNode): () => void {
  const lonely = scene.cluster.nodes.indexOf(node);
  return cut(scene, (from, to) => from === lonely || to === lonely);
}

/** Holds frames on some links. Returns a function that releases them in order. */
export function stall({ cluster: { network } }: Scene, pairs: readonly string[]): () => void {
  const resumes = pairs.map((pair) => network.stall(pair));
  return () => {
    for (const resume of resumes) resume();
  };
}

/** Returns any node that belongs to the cluster. */
export function victim({ cluster, dice }: Scene): SimNode {
  return dice.pick(cluster.nodes.filter(({ hasLeft }) => !hasLeft));
}

/** A moment of a node, and the pause between two looks for it. */
export interface NodeMoment {
  readonly isIt: (node: SimNode) => boolean;
  readonly everyMs: number;
  readonly withinMs?: number;
}

/** A batch is under way to the disk. */
export const MID_WRITE: NodeMoment = {
  isIt: ({ node, disk }) => node !== undefined && disk.writing > 0,
  everyMs: 1,
};

/** Waits for a moment of any node, and calls back. Returns a function that ends the wait. */
export function ambush(
  { cluster }: Scene,
  { isIt, everyMs, withinMs = AMBUSH_MS }: NodeMoment,
  strike: (node: SimNode) => void,
): () => void {
  const { world, nodes } = cluster;
  const untilMs = world.nowMs + withinMs;
  let isOver = false;
  const lurk = (): void => {
    if (isOver) return;
    const struck = nodes.find((node) => !node.hasLeft && isIt(node));
    if (struck !== undefined) strike(struck);
    else if (world.nowMs < untilMs) world.after(everyMs, lurk);
  };
  lurk();
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
export function inOrder({ cluster: { world } }: Scene, steps: readonly Step[]): () => void {
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
export function threeOwners({ cluster, dice, keys }: Scene): readonly SimNode[] {
  const key = dice.pick(keys);
  const owners = cluster.nodes.filter((node) => node.owns(key));
  const first = dice.below(Math.max(1, owners.length));
  return owners.length < 3
    ? []
    : [0, 1, 2].map((i) => owners[(first + i) % owners.length] as SimNode);
}

/** Cuts the links between two groups of nodes. */
export function apart(
  scene: Scene,
  one: readonly SimNode[],
  other: readonly SimNode[],
): () => void {
  const { nodes } = scene.cluster;
  const isOf = (group: readonly SimNode[], i: number): boolean =>
    group.includes(nodes[i] as SimNode);
  return cut(
    scene,
    (from, to) => (isOf(one, from) && isOf(other, to)) || (isOf(other, from) && isOf(one, to)),
  );
}
