/**
 * Nodes that come and go during all other faults. For a moment, the quorums before and after such a
 * change need not intersect.
 */
import { messageOf } from '../base/errors.ts';
import type { MemberRecord } from '../core/placement/member-list.ts';
import { metaRow } from '../storage/keyspace.ts';
import { openRecord } from '../storage/records.ts';
import type { SimNode } from './cluster.ts';
import { type Fault, loseDisk, type Scene } from './scene.ts';
import { doNothing, isolate, type NodeCondition, whenAnyNode } from './fault-parts.ts';

/** The most nodes of a run: more make it long, and show nothing new. */
export const MAX_NODES = 9;
/** The fewest nodes of a cluster: with less, there is no room for other faults. */
const MIN_NODES = 3;
/** The pause between two tries of an operator. */
const RETRY_MS = 1_000;
/** A node that joins may be destroyed within this time after its start. */
const JOIN_MS = 2_000;
/** A node that leaves may be cut off within this time. */
const LEAVE_MS = 15_000;

/** The faults by name. */
export const MEMBERSHIP_FAULTS: Readonly<Record<string, Fault>> = {
  'a node joins': ({ cluster, oracle }) => {
    if (cluster.nodes.length >= MAX_NODES) return doNothing;
    oracle.changeMembers(1);
    cluster.add().start();
    return doNothing;
  },
  'a node leaves': (scene) => {
    const node = pickSpareNode(scene);
    if (node === undefined) return doNothing;
    const move = (): void => scene.oracle.changeMembers(-1);
    move();
    retry(scene, () => node.hasLeft || askToLeave(node), move);
    return doNothing;
  },
  // The node is gone, and cannot tell the others.
  'cut off as it leaves': (scene) => {
    scene.oracle.suspendPromises();
    const node = pickSpareNode(scene);
    if (node === undefined) return doNothing;
    retry(scene, () => node.hasLeft || askToLeave(node));
    let heal = doNothing;
    const end = whenAnyNode(
      scene,
      {
        holds: ({ node: it }) => it !== undefined && it === node.node && it.state === 'gone',
        everyMs: 5,
        withinMs: LEAVE_MS,
      },
      () => {
        heal = isolate(scene, node);
      },
    );
    return () => {
      end();
      heal();
    };
  },
  // A machine burns: it cannot be asked, and writes that only it had are lost.
  'a node is declared gone': (scene) => {
    const node = pickSpareNode(scene);
    if (node !== undefined && scene.disks.left > 0) destroy(scene, node);
    return doNothing;
  },
  'declared gone while it joins': (scene) => {
    scene.oracle.suspendPromises();
    const { cluster, dice, disks } = scene;
    if (cluster.nodes.length >= MAX_NODES) return doNothing;
    const node = cluster.add();
    node.start();
    cluster.world.after(dice.fraction() * JOIN_MS, () => {
      if (node.node?.state === 'joining' && disks.left > 0) destroy(scene, node);
    });
    return doNothing;
  },
  // Other nodes wait for its messages meanwhile.
  'declared gone while others catch up with it': (scene) => {
    return whenAnyNode(scene, CATCHES_UP, (puller) => {
      const node = pickSpareNode(scene);
      if (node !== undefined && node !== puller && scene.disks.left > 0) destroy(scene, node);
    });
  },
};

/** Whether a node catches up with others, or is about to. */
const CATCHES_UP: NodeCondition = {
  holds: ({ node }) => {
    const { running, waiting } = node?.syncStatus ?? { running: 0, waiting: 0 };
    return running + waiting > 0;
  },
  everyMs: 20,
  withinMs: 5_000,
};

/** Continues with a node that was declared gone: it may come back, or another takes its name. */
const RETURNS = ['never', 'never', 'as it was', 'on an empty disk'] as const;

function destroy(scene: Scene, node: SimNode): void {
  const { cluster, oracle, dice } = scene;
  oracle.suspendPromises();
  loseDisk(scene);
  node.crash();
  node.hasLeft = true;
  node.mustBecome = undefined;
  const how = dice.pick(RETURNS);
  const life = lifeOn(node);
  retry(scene, () => {
    const running = cluster.nodes.filter((other) => !other.hasLeft && other.node !== undefined);
    const others = running.filter((other) => other !== node);
    const records = others.map((other) => recordAt(other, node));
    const isGone =
      others.length > 0 && records.every((record) => (record?.state ?? 'gone') === 'gone');
    if (!isGone) remove(scene, node, others);
    // The knowledge of a node that was down comes to light later.
    if (!isGone || how === 'never') return false;
    bringBack(scene, node, how);
    // Records of an earlier node of this name do not concern the new one.
    const isMeant = life !== undefined && records.some((record) => record?.life === life);
    if (how === 'as it was') node.mustBecome = isMeant ? 'gone' : undefined;
    return true;
  });
}

/** Starts a node that has not heard that it was declared gone, or another one under its name. */
function bringBack({ copies }: Scene, node: SimNode, how: (typeof RETURNS)[number]): void {
  if (how === 'on an empty disk') {
    node.disk.replace(new Map());
    copies.delete(node);
    node.mustBecome = 'up';
  }
  node.hasLeft = false;
  node.start();
}

/** Returns the life that the disk of a stopped node has; undefined if it has none. */
function lifeOn({ name, disk, keys }: SimNode): string | undefined {
  const row = metaRow('members');
  const record = disk.rows.get(row);
  if (record === undefined || disk.isDamaged) return undefined;
  const list = openRecord(keys.sealer.unseal(row, record), row);
  return (list as MemberRecord[]).find((kept) => kept.name === name)?.life;
}

const recordAt = ({ node }: SimNode, { name }: SimNode): MemberRecord | undefined =>
  node?.members.find((record) => record.name === name);

/** Returns a node without which the cluster has enough nodes. */
function pickSpareNode({ cluster, dice }: Scene): SimNode | undefined {
  const staying = cluster.nodes.filter(({ node }) => node?.state === 'up');
  return staying.length > MIN_NODES ? dice.pick(staying) : undefined;
}

/**
 * Tries until it works, even after the end of the faults: operators are patient. `suspend` suspends
 * the promises that the act breaks.
 */
function retry(
  { cluster: { world }, oracle }: Scene,
  act: () => boolean,
  suspend = (): void => oracle.suspendPromises(),
): void {
  const attempt = (): void => {
    if (act()) suspend();
    else world.after(RETRY_MS, attempt);
  };
  attempt();
}

/** Asks a node to leave. Returns whether it has heard. */
function askToLeave(machine: SimNode): boolean {
  const { node } = machine;
  if (node === undefined) return false;
  try {
    if (node.state === 'up') node.leave();
    machine.mustBecome = undefined;
    return node.state !== 'joining';
  } catch {
    return false;
  }
}

/** Makes one of the other nodes declare a node gone. */
function remove({ cluster, dice, oracle }: Scene, gone: SimNode, others: readonly SimNode[]): void {
  if (others.length === 0) return;
  const { node, name } = dice.pick(others);
  try {
    node?.remove(gone.name);
    oracle.suspendPromises();
  } catch (error) {
    cluster.world.trace(`${name} does not declare ${gone.name} gone: ${messageOf(error)}`);
  }
}
