/**
 * Situations: several faults in the order in which they do harm. Each fault also strikes alone, but
 * chance rarely puts them together at the right moments.
 */
import { GRANT_MS, UNREACHABLE_AFTER_MS } from '../cluster/limits.ts';
import { ANY_VERSION, unpackFrame } from '../transport/frame.ts';
import type { SimNode } from './cluster.ts';
import type { Fault, Scene } from './scene.ts';
import { cutLinks, doNothing } from './fault-parts.ts';

/** The most time after the end of a grant; half of it leaves time for another write. */
const BEYOND_MS = 1_600;
/** The time until a coordinator is held up again. */
const AGAIN_MS = 400;
/** The share of cases in which its process pauses; in the others, its messages are held. */
const PAUSE_RATE = 0.85;
/** The time for which writes go on in one state of the network. */
const PHASE_MS = 1_500;

/** The situations by name. */
export const SITUATIONS: Readonly<Record<string, Fault>> = {
  // The owners grant the key to another write, and then the coordinator goes on.
  'coordinator held up until its grants run out': (scene) => {
    const { world, network } = scene.cluster;
    const coordinator = coordinatorOf(scene, scene.dice.pick(scene.keys));
    let isOver = false;
    let release = doNothing;
    const look = (): void => {
      if (isOver || coordinator === undefined) return;
      network.onSend = (from, frame) => {
        if (isOver || from !== coordinator.name || !hasGrantRequest(frame)) return;
        network.onSend = undefined;
        // The coordinator is in the middle of sending.
        world.after(0, hold);
      };
    };
    const hold = (): void => {
      if (isOver || coordinator === undefined) return;
      release = holdUp(scene, coordinator);
      world.after(GRANT_MS + ((1 + scene.dice.fraction()) / 2) * BEYOND_MS, () => {
        release();
        world.after(scene.dice.fraction() * AGAIN_MS, look);
      });
    };
    world.after(scene.dice.fraction() * AGAIN_MS, look);
    return () => {
      isOver = true;
      network.onSend = undefined;
      release();
    };
  },
  // Fallbacks have all writes of that time, and the owners stay complete.
  'owners out of reach, and back': (scene) => {
    const { world, nodes } = scene.cluster;
    const key = scene.dice.pick(scene.keys);
    const areOwners = nodes.map((node) => node.owns(key));
    let heal = doNothing;
    let isOver = false;
    const go = (): void => {
      if (isOver) return;
      heal = cutLinks(scene, (from, to) => areOwners[from] !== areOwners[to]);
      world.after(UNREACHABLE_AFTER_MS + (1 + scene.dice.fraction()) * 2 * PHASE_MS, come);
    };
    const come = (): void => {
      heal();
      world.after(PHASE_MS, go);
    };
    go();
    return () => {
      isOver = true;
      heal();
    };
  },
  // Fallbacks have writes of which the owners only hear. The owners also hear that the fallbacks
  // have started again, and cannot ask them.
  'fallbacks are back, and the owners cannot ask them': (scene) => {
    const { cluster, dice } = scene;
    const { world, nodes } = cluster;
    const key = dice.pick(scene.keys);
    const areOwners = nodes.map((node) => node.owns(key));
    const others = nodes.flatMap((node, i) => (areOwners[i] === true ? [] : [node]));
    const away = others.filter(() => dice.chance(0.6)).slice(0, Math.max(1, others.length - 1));
    const isAway = (i: number): boolean => away.includes(nodes[i] as SimNode);
    const isOwner = (i: number): boolean => areOwners[i] === true;
    const isApart = (from: number, to: number): boolean => isOwner(from) !== isOwner(to);
    const isApartAway = (from: number, to: number): boolean =>
      isApart(from, to) && (isAway(from) || isAway(to));
    let heal = cutLinks(
      scene,
      (from, to) =>
        isApart(from, to) || (isAway(from) !== isAway(to) && !isOwner(from) && !isOwner(to)),
    );
    let isOver = false;
    const phases: readonly (() => void)[] = [
      () => (heal = cutLinks(scene, isApart)),
      () => {
        heal = doNothing;
        for (const node of away) node.crash();
      },
      () => {
        heal = cutLinks(scene, isApartAway);
        for (const node of away) node.start();
      },
    ];
    const waits = [UNREACHABLE_AFTER_MS + PHASE_MS, PHASE_MS, UNREACHABLE_AFTER_MS + 2 * PHASE_MS];
    const go = (phase: number): void => {
      const waitMs = waits[phase];
      if (waitMs === undefined) return;
      world.after(waitMs * (1 + dice.fraction() / 2), () => {
        if (isOver) return;
        heal();
        phases[phase]?.();
        go(phase + 1);
      });
    };
    go(0);
    return () => {
      isOver = true;
      heal();
      for (const node of away) node.start();
    };
  },
};

/** Returns the node that coordinates the conditional writes of a key. */
function coordinatorOf({ cluster: { nodes } }: Scene, key: string): SimNode | undefined {
  const first = nodes.find((node) => node.owns(key))?.node?.preference(key)[0];
  return nodes.find(({ name }) => name === first);
}

/** Whether a frame asks for the grant of a key. */
function hasGrantRequest(frame: Uint8Array): boolean {
  return unpackFrame(frame, { protocol: ANY_VERSION }).items.some(
    ({ message }) => message.kind === 'grant',
  );
}

/** Stops a process or its messages. Returns a function that lets it go on. */
function holdUp({ cluster: { network, nodes }, dice }: Scene, node: SimNode): () => void {
  if (dice.chance(PAUSE_RATE)) {
    const { life } = node;
    life?.pause();
    return () => life?.resume();
  }
  const resumes = nodes.map(({ name }) => network.stall(`${node.name}>${name}`));
  return () => {
    for (const resume of resumes) resume();
  };
}
