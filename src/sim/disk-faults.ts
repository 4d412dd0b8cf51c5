/** Faults of disks: they are slow, fail, fill up, and lose rows. */
import type { SimNode } from './cluster.ts';
import { type Fault, loseDisk } from './scene.ts';
import {
  cutLinks,
  doNothing,
  isolate,
  MID_WRITE,
  type NodeCondition,
  pickNode,
  whenAnyNode,
  wipe,
} from './fault-parts.ts';

/** The time for which one node lags before the disk of another is wiped. */
const LAG_MS = 2_000;
/** Rows of an unreadable block, at most. */
const BLOCK_ROWS = 20;
/** The time for which a node is down after its disk was wiped. */
const BACK_MS = 300;

/** The time of a few pages. */
const PAGES_MS = 200;

/** The time for which a node writes alone, and then with the others before they can compare. */
const ALONE_MS = 500;
const TOGETHER_MS = 60;
/** Longer than any node waits for a lost write. */
const GIVEN_UP_MS = 11_000;

/** The node catches up with another. */
const MID_PULL: NodeCondition = {
  holds: ({ node }) => node !== undefined && node.syncStatus.running > 0,
  everyMs: 5,
  withinMs: 3_000,
};

/** The faults that lose nothing, by name. */
export const DISK_FAULTS: Readonly<Record<string, Fault>> = {
  'slow disk': (scene) => {
    const { disk } = pickNode(scene);
    disk.delayMs = 100 + scene.dice.below(1_500);
    return () => (disk.delayMs = 1);
  },
  'failing disk': (scene) => {
    const { disk } = pickNode(scene);
    disk.failRate = 0.2;
    return () => (disk.failRate = 0);
  },
  'full disk': (scene) => {
    const { disk } = pickNode(scene);
    disk.isFull = true;
    return () => (disk.isFull = false);
  },
};

/**
 * Faults in which a disk loses acknowledged writes, by name. The next one may come when the
 * replicas have all of them again.
 */
export const DISK_LOSSES: Readonly<Record<string, Fault>> = {
  'wiped disk': (scene) => {
    const node = pickNode(scene);
    wipe(scene, node);
    return () => node.start();
  },
  'wiped in mid-write': (scene) => {
    let wiped: SimNode | undefined;
    const end = whenAnyNode(scene, MID_WRITE, (node) => {
      if (scene.disks.left === 0) return;
      wiped = node;
      wipe(scene, node);
    });
    return () => {
      end();
      wiped?.start();
    };
  },
  'wiped, then alone': (scene) => {
    const node = pickNode(scene);
    wipe(scene, node);
    const heal = isolate(scene, node);
    node.start();
    return heal;
  },
  'wiped while another lags': (scene) => {
    const { world, nodes } = scene.cluster;
    const first = scene.dice.below(nodes.length);
    const [lagging, wiped, other] = [0, 1, 2].map(
      (i) => nodes[(first + i) % nodes.length] as SimNode,
    );
    if (lagging === undefined || wiped === undefined || other === undefined) return doNothing;
    let heal = isolate(scene, lagging);
    let isOver = false;
    world.after((0.5 + scene.dice.fraction()) * LAG_MS, () => {
      if (isOver || scene.disks.left === 0) return;
      wipe(scene, wiped);
      heal();
      heal = isolate(scene, other);
      wiped.start();
    });
    return () => {
      isOver = true;
      heal();
    };
  },
  'damaged record': (scene) => {
    // With one replica of each key, no other node has the record.
    if (scene.cluster.quorum.n === 1) return doNothing;
    const node = pickNode(scene);
    const key = node.disk.damage(scene.dice.below(1_000));
    if (key !== undefined) loseDisk(scene, () => !node.disk.isDamaged);
    scene.cluster.world.trace(`${node.name} damaged ${JSON.stringify(key)}`);
    return doNothing;
  },
  'wiped, and back at once': (scene) => {
    const node = pickNode(scene);
    wipe(scene, node);
    node.start();
    return doNothing;
  },
  // The disk of a node from which another is catching up, page by page.
  'wiped between two pages': (scene) => {
    return whenAnyNode(scene, MID_PULL, (puller) => {
      if (scene.disks.left === 0) return;
      const others = scene.cluster.nodes.filter((node) => node !== puller && node.isUp);
      const node = others.length === 0 ? puller : scene.dice.pick(others);
      wipe(scene, node);
      scene.cluster.world.after(scene.dice.fraction() * BACK_MS, () => node.start());
    });
  },
  // A node catches up, pauses between two pages, and goes on when the sender has another disk.
  'sender wiped between two pages of a snapshot': (scene) => {
    const { world, nodes } = scene.cluster;
    const puller = pickNode(scene);
    const senders = nodes.filter((node) => node !== puller && !node.hasLeft);
    const only = scene.dice.pick(senders);
    const { life } = puller;
    let heal = isolate(scene, puller);
    let end = doNothing;
    let isOver = false;
    const replace = (): void => {
      world.after(BACK_MS, () => {
        if (!isOver && scene.disks.left > 0) {
          wipe(scene, only);
          only.start();
        }
        world.after(BACK_MS, () => life?.resume());
      });
    };
    world.after((0.5 + scene.dice.fraction()) * LAG_MS, () => {
      if (isOver || puller.life !== life) return;
      heal();
      // The node catches up from this sender only.
      heal = cutLinks(scene, (from, to) => {
        const pair = [nodes[from], nodes[to]];
        return pair.includes(puller) && !pair.includes(only);
      });
      end = whenAnyNode(
        scene,
        { ...MID_PULL, holds: (node) => node === puller && MID_PULL.holds(node) },
        () => {
          world.after(scene.dice.fraction() * PAGES_MS, () => {
            life?.pause();
            replace();
          });
        },
      );
    });
    return () => {
      isOver = true;
      end();
      heal();
      life?.resume();
    };
  },
  // The other nodes give up the writes of a lost disk. Then that disk comes back.
  'wiped, and much later put back': (scene) => {
    const { cluster, disks, oracle, dice } = scene;
    const { world } = cluster;
    const node = pickNode(scene);
    let heal = isolate(scene, node);
    let isOver = false;
    let copy: ReadonlyMap<string, Uint8Array> | undefined;
    const phases: readonly (readonly [number, () => void])[] = [
      // Only this node has these writes.
      [ALONE_MS, () => heal()],
      // The others have some of the next writes, too.
      [TOGETHER_MS, () => (copy = new Map(node.disk.rows))],
      [
        0,
        () => {
          if (disks.left > 0) wipe(scene, node);
          else copy = undefined;
        },
      ],
      [BACK_MS, () => node.start()],
      [
        GIVEN_UP_MS,
        () => {
          disks.checkRepaired(scene);
          if (copy === undefined || disks.left === 0 || node.hasLeft) return;
          loseDisk(scene);
          oracle.suspendPromises({ doDecisionsHold: false });
          node.crash();
          node.disk.replace(copy);
          node.start();
        },
      ],
    ];
    const go = (phase: number): void => {
      const [waitMs, act] = phases[phase] ?? [];
      if (waitMs === undefined) return;
      world.after(waitMs * (1 + dice.fraction()), () => {
        if (isOver) return;
        act?.();
        go(phase + 1);
      });
    };
    go(0);
    return () => {
      isOver = true;
      heal();
      node.start();
    };
  },
  // A block that LevelDB cannot read has neighbouring rows of any kind.
  'unreadable block': (scene) => {
    if (scene.cluster.quorum.n === 1) return doNothing;
    const { disk, name } = pickNode(scene);
    const block = disk.makeUnreadable(scene.dice.below(1_000), 1 + scene.dice.below(BLOCK_ROWS));
    if (block !== undefined) loseDisk(scene, () => !disk.isDamaged);
    scene.cluster.world.trace(`${name} cannot read ${JSON.stringify(block)}`);
    return doNothing;
  },
  // Each disk has one damaged record, each of another key. So every key has an intact copy.
  'a record damaged on every disk': (scene) => {
    if (scene.cluster.quorum.n === 1) return doNothing;
    const { nodes, world } = scene.cluster;
    const left = [...scene.keys];
    for (const { disk, name } of nodes) {
      const key = left.splice(scene.dice.below(left.length), 1)[0];
      if (key !== undefined && disk.rot(key)) world.trace(`${name} damaged ${key}`);
    }
    loseDisk(scene, () => nodes.every(({ disk }) => !disk.isDamaged));
    return doNothing;
  },
  'old copy restored': (scene) => {
    const node = pickNode(scene);
    const copies = scene.copies.get(node) ?? [];
    if (copies.length === 0) return doNothing;
    const copy = scene.dice.pick(copies);
    loseDisk(scene);
    // A replica on an old copy does not know what it has forgotten, and counts for reads.
    scene.oracle.suspendPromises({ doDecisionsHold: false });
    node.crash();
    node.disk.replace(copy);
    return () => node.start();
  },
};
