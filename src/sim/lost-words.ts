/**
 * Situations in which a word is given by a node that cannot keep it: its disk is lost before the
 * write is acknowledged, or it does not know its cluster. Several nodes must be slow, late and lost
 * in one order.
 */
import { FENCE_MS } from '../cluster/limits.ts';
import { partitionOf } from '../core/placement/partition.ts';
import type { SimNode } from './cluster.ts';
import type { Fault, Scene } from './scene.ts';
import { cut, cutOff, nothing, wipe } from './strikes.ts';

/** How often a node is looked at, and how long a message and a usual disk may take. */
const LOOK_MS = 1;
const STORED_MS = 150;
/** A disk that is slower than it takes to fill an owner, and one that is slower than any request. */
const SLOW_MS = 4_000;
const NEVER_MS = 60_000;
/** Until a node has started, and until its replicas count for reads. */
const STARTED_MS = 200;
const READY_MS = 3_000;
/** How long users write to one side, or read from the other. */
const SIDE_MS = 3_000;

/** What happens next: after some time, or as soon as something is so. */
interface Step {
  readonly at: number | (() => boolean);
  readonly act: () => void;
}

/** Takes one step after the other; returns what takes no more. */
function inOrder({ cluster: { world } }: Scene, steps: readonly Step[]): () => void {
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

/** Three owners of a key, in any order. */
function threeOwners({ cluster, dice, keys }: Scene): readonly SimNode[] {
  const key = dice.pick(keys);
  const owners = cluster.nodes.filter((node) => node.owns(key));
  const first = dice.below(Math.max(1, owners.length));
  return owners.length < 3 ? [] : [0, 1, 2].map((i) => owners[(first + i) % owners.length] as SimNode);
}

/** Cuts the links between two nodes. */
function apart(scene: Scene, one: SimNode, other: SimNode): () => void {
  const pair = [one, other];
  const { nodes } = scene.cluster;
  const isOf = (i: number): boolean => pair.includes(nodes[i] as SimNode);
  return cut(scene, (from, to) => isOf(from) && isOf(to));
}

/** Names of what a node holds that was written by its own replicas. */
function ownVersions({ keys }: Scene, { name, node }: SimNode, at = node): string[] {
  // Nothing can be read while a store is opened again after a failure.
  const all = keys.flatMap((key) => (at?.inspect(partitionOf(key)) === undefined ? [] : at.peek(key).versions));
  return all.filter(({ actor }) => actor.startsWith(`${name}~`)).map(({ actor, counter }) => `${actor}:${counter}`);
}

/** Tells whether another node holds what a node has written since. */
function sinceNow(scene: Scene, writer: SimNode, other: SimNode): () => boolean {
  const before = new Set(ownVersions(scene, writer));
  return () => {
    const late = new Set(ownVersions(scene, writer).filter((version) => !before.has(version)));
    return late.size > 0 && ownVersions(scene, writer, other.node).some((version) => late.has(version));
  };
}

/** Whether a node that was wiped may be asked again. */
const isFilled = ({ node }: SimNode): boolean => node?.state === 'up' && node.status().sync.incomplete === 0;

/** All by name. */
export const LOST_WORDS: Readonly<Record<string, Fault>> = {
  // The coordinator's own disk is slow, and what it sends to a second owner is lost. When its disk
  // has the write, the third has lost it, and was filled by those that did not have it.
  'an owner loses a write that it has acknowledged': (scene) => {
    const [slow, second, lost] = threeOwners(scene);
    if (slow === undefined || second === undefined || lost === undefined) return nothing;
    const { disk } = slow;
    const { delayMs } = disk;
    let mend = apart(scene, slow, second);
    let batches = 0;
    disk.delayMs = SLOW_MS;
    const end = inOrder(scene, [
      { at: sinceNow(scene, slow, lost), act: nothing },
      {
        at: STORED_MS,
        act: () => {
          mend();
          disk.delayMs = delayMs;
          batches = disk.batches;
          if (scene.disks.left === 0) return;
          wipe(scene, lost);
          lost.start();
        },
      },
      // What is read or written there after that would tell the others of the write.
      { at: () => isFilled(lost), act: () => (mend = cutOff(scene, slow)) },
      { at: () => disk.writing === 0 || disk.batches > batches + 1, act: nothing },
      { at: SIDE_MS, act: () => mend() },
    ]);
    return () => {
      end();
      mend();
      disk.delayMs = delayMs;
    };
  },
  // The same, and the second owner hears of the write when it has forgotten that it filled the third.
  // In a run that is not long, fences of the cluster's birth would forbid its word, too.
  'an owner that filled another starts again': (scene) => {
    const [slow, second, lost] = threeOwners(scene);
    const { cluster, disks } = scene;
    const isEarly = cluster.world.nowMs < FENCE_MS;
    if (slow === undefined || second === undefined || lost === undefined || isEarly) return nothing;
    const { disk } = slow;
    const { delayMs } = disk;
    const resume = cluster.network.stall(`${slow.name}>${second.name}`);
    let mends: (() => void)[] = [];
    const mend = (): void => {
      for (const each of mends.splice(0)) each();
    };
    disk.delayMs = NEVER_MS;
    const end = inOrder(scene, [
      { at: sinceNow(scene, slow, lost), act: nothing },
      {
        at: STORED_MS,
        act: () => {
          if (disks.left === 0) return;
          wipe(scene, lost);
          lost.start();
        },
      },
      {
        at: () => isFilled(lost),
        act: () => {
          mends = [cutOff(scene, lost)];
          second.crash();
          second.start();
        },
      },
      { at: STARTED_MS, act: resume },
      {
        at: STORED_MS,
        act: () => {
          slow.crash();
          disk.delayMs = delayMs;
          mend();
          mends = [cutOff(scene, second)];
          slow.start();
        },
      },
      { at: READY_MS + SIDE_MS, act: mend },
    ]);
    return () => {
      end();
      resume();
      mend();
      disk.delayMs = delayMs;
    };
  },
  // It hears who that one is, and of no other; then the others are there, and it is alone.
  'a wiped node hears one that does not hear it': (scene) => {
    const { cluster, dice, disks } = scene;
    const { nodes } = cluster;
    const staying = nodes.filter(({ hasLeft }) => !hasLeft);
    const first = dice.below(staying.length);
    const [wiped, heard] = [0, 1].map((i) => staying[(first + i) % staying.length]);
    if (wiped === undefined || heard === undefined || disks.left === 0) return nothing;
    wipe(scene, wiped);
    for (const node of nodes) node.crash();
    let mend = cut(scene, (from) => nodes[from] === wiped);
    wiped.start();
    heard.start();
    const end = inOrder(scene, [
      {
        at: READY_MS + SIDE_MS,
        act: () => {
          mend();
          mend = cutOff(scene, wiped);
          for (const node of nodes) node.start();
        },
      },
      { at: READY_MS + SIDE_MS, act: () => mend() },
    ]);
    return () => {
      end();
      mend();
      for (const node of nodes) node.start();
    };
  },
};
