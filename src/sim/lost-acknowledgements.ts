/**
 * Situations in which a node cannot keep its promise: its disk is lost before the write is
 * acknowledged, or it does not know its cluster. For this, several nodes must be slow or lost in a
 * certain order.
 */
import { FENCE_MS } from '../cluster/limits.ts';
import { partitionOf } from '../core/placement/partition.ts';
import type { SimNode } from './cluster.ts';
import type { Fault, Scene } from './scene.ts';
import {
  cutLinks,
  doNothing,
  isolate,
  pickThreeOwners,
  runSteps,
  separate,
  stallLinks,
  wipe,
} from './fault-parts.ts';

/** The time of a message and a usual disk. */
const STORED_MS = 150;
/**
 * The time of a disk that is slower than the filling of an owner, and of one slower than a request.
 */
const SLOW_MS = 4_000;
const NEVER_MS = 60_000;
/** The time until a node has started, and until its replicas count for reads. */
const STARTED_MS = 200;
const READY_MS = 3_000;
/** The time for which users write to one side, or read from the other. */
const SIDE_MS = 3_000;

/** Returns the dots that a node holds of its own replicas. */
function ownVersions({ keys }: Scene, { name, node }: SimNode, at = node): string[] {
  // While a store is opened again after a failure, it cannot be read.
  const all = keys.flatMap((key) =>
    at?.inspect(partitionOf(key)) === undefined ? [] : at.peek(key).versions,
  );
  return all
    .filter(({ actor }) => actor.startsWith(`${name}~`))
    .map(({ actor, counter }) => `${actor}:${counter}`);
}

/** Returns a check whether another node holds a write that a node has made since. */
function hasSpread(scene: Scene, writer: SimNode, other: SimNode): () => boolean {
  const before = new Set(ownVersions(scene, writer));
  return () => {
    const late = new Set(ownVersions(scene, writer).filter((version) => !before.has(version)));
    return (
      late.size > 0 && ownVersions(scene, writer, other.node).some((version) => late.has(version))
    );
  };
}

/** Whether a node that was wiped may be asked again. */
const isFilled = ({ node }: SimNode): boolean =>
  node?.state === 'up' && node.syncStatus.incomplete === 0;

/** The situations by name. */
export const LOST_ACKNOWLEDGEMENTS: Readonly<Record<string, Fault>> = {
  // The coordinator's own disk is slow, and its messages to a second owner are lost. When its disk
  // has the write, the third owner has lost its disk, and was filled by nodes without the write.
  'an owner loses a write that it has acknowledged': (scene) => {
    const [slow, second, lost] = pickThreeOwners(scene);
    if (slow === undefined || second === undefined || lost === undefined) return doNothing;
    const { disk } = slow;
    const { delayMs } = disk;
    let heal = separate(scene, [slow], [second]);
    let batches = 0;
    disk.delayMs = SLOW_MS;
    const end = runSteps(scene, [
      { at: hasSpread(scene, slow, lost), act: doNothing },
      {
        at: STORED_MS,
        act: () => {
          heal();
          disk.delayMs = delayMs;
          batches = disk.batches;
          if (scene.disks.left === 0) return;
          wipe(scene, lost);
          lost.start();
        },
      },
      // A later read or write there would tell the others of the write.
      { at: () => isFilled(lost), act: () => (heal = isolate(scene, slow)) },
      { at: () => disk.writing === 0 || disk.batches > batches + 1, act: doNothing },
      { at: SIDE_MS, act: () => heal() },
    ]);
    return () => {
      end();
      heal();
      disk.delayMs = delayMs;
    };
  },
  // The same. The second owner hears of the write when it has forgotten that it filled the third.
  // In a short run, the fences of the cluster's birth would forbid its promise, too.
  'an owner that filled another starts again': (scene) => {
    const [slow, second, lost] = pickThreeOwners(scene);
    const { cluster, disks } = scene;
    const isEarly = cluster.world.nowMs < FENCE_MS;
    if (slow === undefined || second === undefined || lost === undefined || isEarly)
      return doNothing;
    const { disk } = slow;
    const { delayMs } = disk;
    const resume = cluster.network.stall(`${slow.name}>${second.name}`);
    let undos: (() => void)[] = [];
    const heal = (): void => {
      for (const each of undos.splice(0)) each();
    };
    disk.delayMs = NEVER_MS;
    const end = runSteps(scene, [
      { at: hasSpread(scene, slow, lost), act: doNothing },
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
          undos = [isolate(scene, lost)];
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
          heal();
          undos = [isolate(scene, second)];
          slow.start();
        },
      },
      { at: READY_MS + SIDE_MS, act: heal },
    ]);
    return () => {
      end();
      resume();
      heal();
      disk.delayMs = delayMs;
    };
  },
  // The node hears one member, and of no other. Then the others are back, and it is alone.
  'a wiped node hears one that does not hear it': (scene) => {
    const { cluster, dice, disks } = scene;
    const { nodes } = cluster;
    const staying = nodes.filter(({ hasLeft }) => !hasLeft);
    const first = dice.below(staying.length);
    const [wiped, heard] = [0, 1].map((i) => staying[(first + i) % staying.length]);
    if (wiped === undefined || heard === undefined || disks.left === 0) return doNothing;
    wipe(scene, wiped);
    for (const node of nodes) node.crash();
    // In some runs the messages of the node are lost, and in others they are late.
    const links = nodes.map(({ name }) => `${wiped.name}>${name}`);
    let heal = dice.chance(0.5)
      ? stallLinks(scene, links)
      : cutLinks(scene, (from) => nodes[from] === wiped);
    wiped.start();
    heard.start();
    // In some runs, the node starts again before the others are back.
    const isKilled = dice.chance(0.5);
    const end = runSteps(scene, [
      {
        at: READY_MS,
        act: () => {
          if (!isKilled) return;
          wiped.crash();
          wiped.start();
        },
      },
      {
        at: SIDE_MS,
        act: () => {
          heal();
          heal = isolate(scene, wiped);
          for (const node of nodes) node.start();
        },
      },
      { at: READY_MS + SIDE_MS, act: () => heal() },
    ]);
    return () => {
      end();
      heal();
      for (const node of nodes) node.start();
    };
  },
};
