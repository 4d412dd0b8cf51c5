/**
 * A key is damaged on a disk while the replica there catches up by a snapshot. The node must not
 * take the snapshot for the whole truth about that key, nor forget the deletes that it brings.
 */
import { messageOf } from '../base/errors.ts';
import type { CausalContext } from '../core/causality/causal-context.ts';
import { partitionOf } from '../core/placement/partition.ts';
import { markRow, objectRow } from '../storage/keyspace.ts';
import type { SimNode } from './cluster.ts';
import { type Fault, loseDisk, type Scene } from './scene.ts';
import { cutLinks, doNothing, isolate, pickThreeOwners, runSteps } from './fault-parts.ts';

/** The time for which two owners lag, and the longest time until the key is known to be damaged. */
const LAG_MS = 2_500;
const FOUND_MS = 4_000;
/** The time for which the node can ask only the owner that lags. */
const ASK_MS = 6_000;

/** Whether a node has marked a key as damaged. */
const isMarked = ({ disk }: SimNode, key: string): boolean =>
  disk.rows.has(markRow(partitionOf(key), key));

/** Reads a key at a node, which finds the damage of its record. */
function find({ cluster: { world } }: Scene, { name, node }: SimNode, key: string): void {
  try {
    node?.peek(key);
  } catch (error) {
    world.trace(`${name} cannot read ${key}: ${messageOf(error)}`);
  }
}

/** Returns a key that two nodes have and a third has deleted; else one that both have; else any. */
function deletedKey(
  { keys, dice }: Scene,
  had: readonly [SimNode, SimNode],
  deleted: SimNode,
): string {
  const has = ({ disk }: SimNode, key: string): boolean =>
    disk.rows.has(objectRow(partitionOf(key), key));
  const held = keys.filter((key) => had.every((node) => has(node, key)));
  const gone = held.filter((key) => !has(deleted, key));
  return dice.pick([gone, held, keys].find(({ length }) => length > 0) ?? keys);
}

/** The faults by name. */
export const MARKED_KEYS: Readonly<Record<string, Fault>> = {
  // One owner is down, and another hears none. Users delete at the third. Then the first one comes
  // back with a damaged key, catches up with the third, and can ask only the second.
  'a key damaged under a snapshot': (scene) => {
    const { cluster, dice, disks } = scene;
    const [sender, receiver, behind] = pickThreeOwners(scene);
    if (sender === undefined || receiver === undefined || behind === undefined) return doNothing;
    let heal = isolate(scene, behind);
    let key = '';
    let untilMs = 0;
    let senderClock: CausalContext | undefined;
    receiver.crash();
    const isOver = (): boolean => cluster.world.nowMs > untilMs;
    const hasCaughtUp = (): boolean =>
      senderClock !== undefined &&
      receiver.node?.inspect(partitionOf(key))?.clock.covers(senderClock) === true;
    const isIn = (i: number, ...these: SimNode[]): boolean =>
      these.includes(cluster.nodes[i] as SimNode);
    const end = runSteps(scene, [
      {
        at: LAG_MS * (0.5 + dice.fraction()),
        act: () => {
          key = deletedKey(scene, [receiver, behind], sender);
          untilMs = cluster.world.nowMs + FOUND_MS;
          if (disks.left > 0 && cluster.quorum.n > 1) {
            loseDisk(scene, () => !receiver.disk.isDamaged);
            if (dice.chance(0.3)) receiver.disk.flipWhenWritten(key);
            else receiver.disk.rot(key);
          }
          senderClock = sender.node?.inspect(partitionOf(key))?.clock.clone();
          receiver.start();
        },
      },
      // The first reader finds the damage, before the node has made or heard of any later write.
      { at: () => isOver() || receiver.node !== undefined, act: () => find(scene, receiver, key) },
      { at: () => isOver() || isMarked(receiver, key), act: doNothing },
      { at: () => isOver() || hasCaughtUp(), act: doNothing },
      {
        at: 0,
        act: () => {
          heal();
          // The receiver and the owner that lags hear each other, and no other owner.
          const isApart = (i: number): boolean => isIn(i, receiver, behind);
          heal = cutLinks(scene, (from, to) => isApart(from) !== isApart(to));
        },
      },
      { at: ASK_MS, act: () => heal() },
    ]);
    return () => {
      end();
      heal();
      receiver.disk.rowToFlip = undefined;
      receiver.start();
    };
  },
};
