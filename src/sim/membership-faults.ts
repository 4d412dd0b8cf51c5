/** Nodes that come and go while everything else happens. Quorums of before and after such a change need not intersect for a moment. */
import { messageOf } from '../base/errors.ts';
import type { SimNode } from './cluster.ts';
import { type Fault, loseDisk, type Scene } from './scene.ts';
import { ambush, type Moment, nothing } from './strikes.ts';

/** More nodes make a run long, and show nothing new. */
const MAX_NODES = 9;
/** Fewer would leave no room for other faults. */
const MIN_NODES = 3;
/** How often an operator tries again. */
const RETRY_MS = 1_000;

/** All by name. */
export const MEMBERSHIP: Readonly<Record<string, Fault>> = {
  'a node joins': ({ cluster, oracle }) => {
    oracle.loosen();
    if (cluster.nodes.length < MAX_NODES) cluster.add().start();
    return nothing;
  },
  'a node leaves': (scene) => {
    scene.oracle.loosen();
    const node = dispensable(scene);
    if (node !== undefined) insist(scene, () => node.hasLeft || letLeave(node));
    return nothing;
  },
  // As a machine that burns: nobody asks it, and what only it had is lost.
  'a node is declared gone': (scene) => {
    const node = dispensable(scene);
    if (node !== undefined && scene.disks.left > 0) burn(scene, node);
    return nothing;
  },
  // While others wait for what it sends them.
  'declared gone while others catch up with it': (scene) => {
    return ambush(scene, CATCHES_UP, (puller) => {
      const node = dispensable(scene);
      if (node !== undefined && node !== puller && scene.disks.left > 0) burn(scene, node);
    });
  },
};

/** The node catches up with others, or is about to. */
const CATCHES_UP: Moment = {
  isIt: ({ node }) => {
    const { running, waiting } = node?.status().sync ?? { running: 0, waiting: 0 };
    return running + waiting > 0;
  },
  everyMs: 20,
  withinMs: 5_000,
};

function burn(scene: Scene, node: SimNode): void {
  const doesReturn = scene.dice.chance(0.5);
  scene.oracle.loosen();
  loseDisk(scene);
  node.crash();
  node.hasLeft = true;
  insist(scene, () => {
    if (!isRemoved(scene, node)) return false;
    // It has not heard of it, and thinks that it still belongs here.
    node.hasLeft = !doesReturn;
    if (doesReturn) node.start();
    return true;
  });
}

/** A node without which there are still enough. */
function dispensable({ cluster, dice }: Scene): SimNode | undefined {
  const staying = cluster.nodes.filter(({ node }) => node?.state === 'up');
  return staying.length > MIN_NODES ? dice.pick(staying) : undefined;
}

/** Tries until it works, the end of the faults or not: operators are patient. */
function insist({ cluster: { world }, oracle }: Scene, act: () => boolean): void {
  const attempt = (): void => {
    if (!act()) return void world.after(RETRY_MS, attempt);
    oracle.loosen();
  };
  attempt();
}

/** Asks a node to leave; whether it has heard. */
function letLeave({ node }: SimNode): boolean {
  if (node === undefined) return false;
  try {
    if (node.state === 'up') node.leave();
    return node.state !== 'joining';
  } catch {
    return false;
  }
}

/** Has any node declare another gone; whether one did. */
function isRemoved({ cluster, dice }: Scene, gone: SimNode): boolean {
  const { node, name } = dice.pick(cluster.nodes.filter((other) => other !== gone && !other.hasLeft));
  try {
    node?.remove(gone.name);
    return node !== undefined;
  } catch (error) {
    cluster.world.trace(`${name} does not declare ${gone.name} gone: ${messageOf(error)}`);
    return false;
  }
}
