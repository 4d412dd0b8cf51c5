/** Owners that change while a write waits for its quorum. */
import { toPlaced } from '../core/placement/member-list.ts';
import { partitionOf } from '../core/placement/partition.ts';
import { placement } from '../core/placement/placement.ts';
import type { SimNode } from './cluster.ts';
import { MAX_NODES } from './membership-faults.ts';
import type { Fault, Scene } from './scene.ts';
import { doNothing, pickNode, runSteps, separate } from './fault-parts.ts';

/** The longest time until all nodes have heard of a newcomer. */
const HEARD_MS = 6_000;
/** The time in which the disks get the new list. A disk that is held would delay the join. */
const KEPT_MS = 2_500;
/** The time for which writes reach only the slow owner and the former one. */
const WRITES_MS = 600;
/** The longest time for which a disk is held: shorter than the longest request. */
const HELD_MS = 7_000;
/** The time for which users read from the other two: they have to lose patience with slow nodes. */
const READS_MS = 6_000;

/** The owners of a key, and the newcomer that will take the place of one. */
interface Replacement {
  /** An owner that stays, and whose disk is held. */
  readonly slow: SimNode;
  /** The other owner that stays. */
  readonly staying: SimNode;
  readonly former: SimNode;
  readonly newcomer: SimNode;
}

/** The faults by name. */
export const OWNER_CHANGES: Readonly<Record<string, Fault>> = {
  // Until all have heard of the newcomer, it reaches only one node, and cannot be filled.
  'an owner is replaced while a write waits': (scene) => {
    const { cluster, oracle } = scene;
    const { nodes } = cluster;
    if (nodes.length >= MAX_NODES) return doNothing;
    const contact = pickNode(scene);
    const others = nodes.filter(({ hasLeft }) => !hasLeft);
    oracle.changeMembers(1);
    const newcomer = cluster.add();
    let undo = separate(
      scene,
      [newcomer],
      others.filter((node) => node !== contact),
    );
    newcomer.start();
    const areInformed = (): boolean =>
      others.every((node) => stateAt(node, newcomer) === 'joining');
    const end = runSteps(scene, [
      { at: within(scene, HEARD_MS, areInformed), act: doNothing },
      {
        at: KEPT_MS,
        act: () => {
          undo();
          const replacement = chooseReplacement(scene, contact, newcomer);
          undo = replacement === undefined ? doNothing : replace(scene, replacement);
        },
      },
    ]);
    return () => {
      end();
      undo();
    };
  },
};

/**
 * Replaces an owner. Only its disk has the writes of the last moment before. The slow disk has them
 * after the change, when users read from the other two owners.
 */
function replace(scene: Scene, { slow, staying, former, newcomer }: Replacement): () => void {
  const present = [staying, newcomer];
  let heal = separate(scene, [slow, former], present);
  const release = slow.disk.hold();
  const isReplaced = (): boolean =>
    newcomer.node?.state === 'up' && stateAt(staying, newcomer) === 'up';
  const end = runSteps(scene, [
    {
      at: WRITES_MS,
      act: () => {
        heal();
        heal = separate(scene, [former], present);
      },
    },
    {
      at: within(scene, HELD_MS - WRITES_MS, isReplaced),
      act: () => {
        heal();
        // A later read or write there would tell the others of the writes.
        heal = separate(scene, [slow, former], present);
        release();
      },
    },
    { at: READS_MS, act: () => heal() },
  ]);
  return () => {
    end();
    release();
    heal();
  };
}

/** Chooses a key of which the newcomer will replace an owner. `contact` is a node that knows it. */
function chooseReplacement(
  scene: Scene,
  { node }: SimNode,
  newcomer: SimNode,
): Replacement | undefined {
  const { cluster, dice, keys } = scene;
  const { n } = cluster.quorum;
  const members = node?.members ?? [];
  const joined = members.filter(({ state }) => state === 'up' || state === 'joining');
  const next = placement(toPlaced(joined), n);
  const replacements = keys.flatMap((key): Replacement[] => {
    const after = next[partitionOf(key)]?.slice(0, n) ?? [];
    if (!after.includes(newcomer.name)) return [];
    const owners = cluster.nodes.filter((owner) => owner.owns(key));
    const former = owners.find(({ name }) => !after.includes(name));
    const [slow, staying, ...more] = owners.filter((owner) => owner !== former);
    if (former === undefined || slow === undefined || staying === undefined) return [];
    return more.length > 0 ? [] : [{ slow, staying, former, newcomer }];
  });
  if (replacements.length === 0) return undefined;
  const replacement = dice.pick(replacements);
  return dice.chance(0.5)
    ? replacement
    : { ...replacement, slow: replacement.staying, staying: replacement.slow };
}

/** The state of a member, as a node knows it. */
const stateAt = ({ node }: SimNode, { name }: SimNode): string | undefined =>
  node?.members.find((member) => member.name === name)?.state;

/** Returns a check whether a condition holds or a time is over. */
function within({ cluster: { world } }: Scene, ms: number, isMet: () => boolean): () => boolean {
  const untilMs = world.nowMs + ms;
  return () => world.nowMs > untilMs || isMet();
}
