/**
 * Damaged and full disks. They once discarded whole stores, kept a node from starting, or flooded
 * its log.
 */
import { execFile } from 'node:child_process';
import { mkdir, readdir, readFile, rm, stat, truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { eventually, pause, type TestNode } from '../fixtures/cluster.ts';
import type { Chain, ChainContext, ChainResult } from './chain.ts';
import { Registers, Sets, Uniques } from './plain-workloads.ts';
import { isReady, openScene, REST_MS, type Scene, verdict } from './scene.ts';

const run = promisify(execFile);
const KEYS = 3_000;
const CLIENTS = 16;
/** The number of times that a supervisor restarts a node that ends by itself. */
const RESTARTS = 5;
const CANNOT_START = 'exit 2';

const storeOf = (node: TestNode): string => join(node.root, 'leveldb');

/** The largest file of a store whose name matches. */
async function largest(node: TestNode, pattern: RegExp): Promise<string> {
  const paths = (await readdir(storeOf(node)))
    .filter((name) => pattern.test(name))
    .map((name) => join(storeOf(node), name));
  const sizes = await Promise.all(
    paths.map(async (path) => ({ path, size: (await stat(path)).size })),
  );
  const [first] = sizes.sort((a, b) => b.size - a.size);
  if (first === undefined || first.size === 0)
    throw new Error(`${node.name} has no file like ${pattern}`);
  return first.path;
}

/** Flips one bit at a position in a file. */
async function flip(path: string, share: number): Promise<void> {
  const bytes = await readFile(path);
  const at = Math.floor(bytes.length * share);
  bytes[at] = (bytes[at] ?? 0) ^ 1;
  await writeFile(path, bytes);
}

/** A kind of damage to the files of a stopped node. */
const DAMAGES: Readonly<Record<string, (node: TestNode, share: number) => Promise<void>>> = {
  'a bit of a table': async (node, share) => flip(await largest(node, /\.ldb$/), share),
  'a bit of the log': async (node, share) => flip(await largest(node, /^\d+\.log$/), share),
  'a missing table': async (node) => rm(await largest(node, /\.ldb$/)),
  'half a MANIFEST': async (node) => {
    const path = await largest(node, /^MANIFEST/);
    await truncate(path, Math.floor((await stat(path)).size / 2));
  },
  'an empty MANIFEST': async (node) => truncate(await largest(node, /^MANIFEST/), 0),
  'a missing CURRENT': async (node) => rm(join(storeOf(node), 'CURRENT')),
  'a bit of CURRENT': async (node) => flip(join(storeOf(node), 'CURRENT'), 0.3),
};

/** A cluster at rest with some thousand keys, most of them in table files. */
async function filled(context: ChainContext): Promise<{ scene: Scene; uniques: Uniques }> {
  const uniques = new Uniques();
  const scene = await openScene(context, { nodes: 3, clients: CLIENTS, workloads: [uniques] });
  await eventually(
    'the keys are written',
    async () => (uniques.report().did['acknowledged'] ?? 0) >= KEYS,
    REST_MS,
  );
  await scene.clients.pause();
  await restartAll(scene.cluster.nodes);
  await scene.cluster.connected();
  return { scene, uniques };
}

/** A start writes the contents of the log into a table. */
async function restartAll(nodes: readonly TestNode[]): Promise<void> {
  await Promise.all(nodes.map((node) => node.end('SIGTERM')));
  for (const node of nodes) node.start();
}

/** The answers to reads of acknowledged keys while a cluster repairs itself. */
class Readers {
  absent = 0;
  refused = 0;
  #isOver = false;
  readonly #done: Promise<void>;

  constructor({ cluster, clients }: Scene, keys: number) {
    this.#done = this.#run(
      cluster.nodes.map((node) => clients.clientOf(node)),
      keys,
    );
  }

  async #run(
    clients: readonly ReturnType<Scene['clients']['clientOf']>[],
    keys: number,
  ): Promise<void> {
    for (let i = 0; !this.#isOver; i++) {
      const look = await clients[i % clients.length]?.read(`u-${(i * 7) % keys}`);
      if (look === undefined) this.refused += 1;
      else if (look.values.length === 0) this.absent += 1;
      await pause(5);
    }
  }

  async stop(): Promise<void> {
    this.#isOver = true;
    await this.#done;
  }
}

/**
 * Starts nodes, and restarts those that end by themselves like a supervisor, until all are ready.
 * Returns the violations.
 */
async function supervise(
  nodes: readonly TestNode[],
): Promise<{ wrong: string[]; restarts: number }> {
  const wrong: string[] = [];
  let restarts = 0;
  for (const node of nodes) node.start();
  const areReady = async (): Promise<boolean> => {
    for (const node of nodes) {
      const { ending } = node;
      if (ending === undefined) continue;
      restarts += 1;
      if (ending === CANNOT_START || restarts > RESTARTS) {
        wrong.push(`${node.name} ended, ${ending}: ${node.log.trim().split('\n').at(-1)}`);
        return true;
      }
      node.start();
    }
    return (await Promise.all(nodes.map(isReady))).every(Boolean);
  };
  await eventually('all are ready', areReady, REST_MS).catch(() =>
    wrong.push(`not ready within ${REST_MS} ms`),
  );
  return { wrong, restarts };
}

/** Kills nodes, damages their files, starts them, and reads all keys. */
async function damage(
  { scene, uniques }: { scene: Scene; uniques: Uniques },
  nodes: readonly TestNode[],
  hurt: (node: TestNode, i: number) => Promise<void>,
): Promise<ChainResult> {
  await Promise.all(nodes.map((node) => node.end('SIGKILL')));
  for (const [i, node] of nodes.entries()) await hurt(node, i);
  const startMs = performance.now();
  const readers = new Readers(scene, uniques.report().did['acknowledged'] ?? 0);
  const { wrong, restarts } = await supervise(nodes);
  const result = wrong.length > 0 ? { wrong: [], figures: {} } : await verdict(scene);
  await readers.stop();
  const { absent, refused } = readers;
  if (absent > 0) wrong.push(`${absent} reads said that an acknowledged key is not there`);
  const seconds = Math.round((performance.now() - startMs) / 1_000);
  return {
    wrong: [...wrong, ...result.wrong],
    figures: { ...result.figures, absent, refused, restarts, seconds },
  };
}

/** Flips one bit on each of some disks of three, in different records. */
const flipOn =
  (count: number) =>
  async (context: ChainContext): Promise<ChainResult> => {
    const full = await filled(context);
    const flipTable = DAMAGES['a bit of a table'];
    return damage(full, full.scene.cluster.nodes.slice(0, count), async (node, i) =>
      flipTable?.(node, 0.3 + 0.15 * i),
    );
  };

/** Applies each kind of damage in turn to some nodes of three. */
const eachTo =
  (count: number) =>
  async (context: ChainContext): Promise<ChainResult> => {
    const wrong: string[] = [];
    const figures: Record<string, string> = {};
    const full = await filled(context);
    for (const [name, hurt] of Object.entries(DAMAGES)) {
      const { cluster } = full.scene;
      await restartAll(cluster.nodes);
      await cluster.connected();
      // Writes keys for the log, which a clean start has emptied.
      const client = full.scene.clients.clientOf(cluster.node(0));
      for (let i = 0; i < 20; i++) await full.uniques.act(client);
      const result = await damage(full, cluster.nodes.slice(0, count), (node, i) =>
        hurt(node, 0.3 + 0.15 * i),
      );
      context.say(
        `${name}: ${result.wrong.length === 0 ? 'holds' : result.wrong[0]}, ${JSON.stringify(result.figures)}`,
      );
      wrong.push(...result.wrong.map((line) => `${name}: ${line}`));
      figures[name] = result.wrong.length === 0 ? `${result.figures['seconds']} s` : 'FAILS';
      if (cluster.nodes.some(({ ending }) => ending !== undefined)) break;
    }
    return { wrong, figures };
  };

const FULL_MS = 10_000;
const MAX_LINES_PER_SECOND = 3;

/**
 * A full disk: the node logs it now and then, the others serve, and it continues when there is
 * room.
 */
async function fullDisk(context: ChainContext): Promise<ChainResult> {
  const uniques = new Uniques('u', { 'X-Mec-Meta-Filler': 'x'.repeat(4_000) });
  const workloads = [uniques, new Registers(), new Sets()];
  const scene = await openScene(context, { nodes: 3, clients: 8, workloads, pauseMs: 30 });
  const { cluster, clients, serving } = scene;
  const victim = cluster.node(0);
  await clients.pause();
  await victim.end('SIGTERM');
  await rm(victim.root, { recursive: true });
  await mkdir(victim.root);
  await run('mount', ['-t', 'tmpfs', '-o', 'size=64m', 'tmpfs', victim.root]);
  context.after(async () => {
    await victim.end('SIGKILL');
    await run('umount', [victim.root]);
  });
  victim.start();
  await cluster.connected();
  clients.resume();
  const filler = join(victim.root, 'filler');
  await run('sh', ['-c', 'cat /dev/zero > "$0"; true', filler]);
  const state = async (): Promise<string> => (await victim.status()).store.state;
  await eventually(
    'the disk is full',
    async () => /no space|disk-full|disk is full/i.test(victim.log),
    REST_MS,
  );
  const linesBefore = victim.log.split('\n').length;
  await pause(FULL_MS);
  const linesPerSecond = (victim.log.split('\n').length - linesBefore) / (FULL_MS / 1_000);
  await rm(filler);
  const startMs = performance.now();
  await eventually(
    'it works again',
    async () => (await state()) === 'ok' && (await isReady(victim)),
    REST_MS,
  );
  const worksAfterMs = Math.round(performance.now() - startMs);
  const { wrong, figures } = await verdict({ cluster, clients, serving });
  const flood =
    linesPerSecond > MAX_LINES_PER_SECOND ? [`${linesPerSecond} log lines a second`] : [];
  return { wrong: [...flood, ...wrong], figures: { ...figures, linesPerSecond, worksAfterMs } };
}

/** These chains by name. */
export const DISK_CHAINS: Readonly<Record<string, Chain>> = {
  a2: { about: 'one bit flipped on each of three disks', needs: [], run: flipOn(3) },
  'a2-two': { about: 'one bit flipped on each of two disks of three', needs: [], run: flipOn(2) },
  a8: { about: 'each kind of damage to one node of three', needs: [], run: eachTo(1) },
  'a8-two': { about: 'each kind of damage to two nodes of three', needs: [], run: eachTo(2) },
  a11: { about: 'a disk is full for ten seconds', needs: ['root'], run: fullDisk },
};
