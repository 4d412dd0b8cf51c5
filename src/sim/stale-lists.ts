/**
 * Outages that end with nodes on old member lists. A node that starts again has only the list on
 * its disk, and may not hear the members that know more.
 */
import { UNREACHABLE_AFTER_MS } from '../cluster/limits.ts';
import type { SimNode } from './cluster.ts';
import { MAX_NODES } from './membership-faults.ts';
import type { Fault, Scene } from './scene.ts';
import { cutLinks, doNothing, runSteps, wipe } from './fault-parts.ts';

/** The time of a batch on a disk that still has the old list when others go on. */
const SLOW_MS = 6_000;
/** The longest time from a change of the lists to the outage. */
const KILL_MS = 60;
/** Longer than the change of the lists should take. */
const CHANGE_MS = 8_000;
/** The time for which the nodes stay apart after the outage. */
const APART_MS = UNREACHABLE_AFTER_MS + 4_000;

/** Kills all nodes, and starts them again in the given sides of the network. */
function outage(scene: Scene, sideOf: (node: SimNode) => unknown): () => void {
  const { nodes } = scene.cluster;
  const sides = nodes.map(sideOf);
  const heal = cutLinks(scene, (from, to) => sides[from] !== sides[to]);
  for (const node of nodes) node.crash();
  for (const node of nodes) node.start();
  return heal;
}

/** Whether another node lists a node in a state. */
const lists =
  (name: string, state: string) =>
  ({ node }: SimNode): boolean =>
    node?.members.some((record) => record.name === name && record.state === state) === true;

/** The faults by name. */
export const STALE_LISTS: Readonly<Record<string, Fault>> = {
  'all are killed, and each is alone': (scene) => outage(scene, (node) => node),
  // Some nodes have the new list only in memory. After the outage they hear no others.
  'all are killed as a node joins': (scene) => {
    const { cluster, dice, disks, oracle } = scene;
    if (cluster.nodes.length >= MAX_NODES) return doNothing;
    const others = cluster.nodes.filter(({ hasLeft }) => !hasLeft);
    const first = dice.below(others.length);
    const slow = [...others.slice(first), ...others.slice(0, first)].slice(0, dice.pick([1, 2, 2]));
    const delays = new Map(slow.map(({ disk }) => [disk, disk.delayMs]));
    for (const disk of delays.keys()) disk.delayMs = SLOW_MS;
    oracle.suspendPromises();
    const newcomer = cluster.add();
    newcomer.start();
    const until = cluster.world.nowMs + CHANGE_MS;
    const isListed = lists(newcomer.name, dice.pick(['joining', 'up', 'up']));
    const isWiped = dice.chance(0.2);
    const areApart = dice.chance(0.8);
    let heal = doNothing;
    const quicken = (): void => {
      for (const [disk, delayMs] of delays) disk.delayMs = delayMs;
    };
    const end = runSteps(scene, [
      { at: () => cluster.world.nowMs > until || others.some(isListed), act: doNothing },
      {
        at: dice.fraction() * KILL_MS,
        act: () => {
          heal = outage(scene, (node) => areApart && slow.includes(node));
          quicken();
          if (!isWiped || disks.left === 0) return;
          wipe(scene, newcomer);
          newcomer.start();
        },
      },
      { at: APART_MS, act: () => heal() },
    ]);
    return () => {
      end();
      heal();
      quicken();
    };
  },
};
