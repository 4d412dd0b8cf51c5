/**
 * Damaged disks of real processes, on one, two and all nodes: each cluster ends whole by itself,
 * with every key that had one intact copy.
 */
import assert from 'node:assert/strict';
import { readdir, readFile, rm, stat, truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test, type TestContext } from 'node:test';
import { eventually, TestCluster, type TestNode } from '../fixtures/cluster.ts';
import { atRest, Load, missing } from '../fixtures/load.ts';
import { isLongRun } from '../sets.ts';

/** Many times what it takes: a busy machine repairs slowly. */
const MEND_MS = 300_000;

/** A configuration that encrypts the values on a disk. */
const ENCRYPTED = `[storage]\nmasterkeycommand = "echo ${'1f'.repeat(32)}"`;

/** The disks that heal the same way, and the lines of a configuration that make them. */
const DISKS = { plain: '', ...(isLongRun() && { encrypted: ENCRYPTED }) };

/** A cluster with keys on all disks, in tables and in logs, all of it stopped. */
async function stoppedCluster(
  t: TestContext,
  { keys = 800, extra = '' } = {},
): Promise<{ cluster: TestCluster; acknowledged: ReadonlyMap<string, string> }> {
  const cluster = await TestCluster.start(t, { extra });
  for (const node of cluster.nodes) {
    const { encrypted } = (await node.status()).store;
    assert.equal(encrypted, extra === '' ? 'no' : 'all', node.name);
  }
  const load = new Load(t, () => cluster.nodes, { clients: 16 });
  await load.progress(keys);
  await load.stop();
  await atRest(cluster);
  await Promise.all(cluster.nodes.map((node) => node.end('SIGTERM')));
  // A start writes what the log held into a table.
  for (const node of cluster.nodes) node.start();
  await cluster.connected();
  await Promise.all(cluster.nodes.map((node) => node.end('SIGKILL')));
  return { cluster, acknowledged: load.acknowledged };
}

const storeOf = ({ root }: TestNode): string => join(root, 'leveldb');

async function largest(node: TestNode, kind: RegExp): Promise<string> {
  const names = (await readdir(storeOf(node))).filter((name) => kind.test(name));
  const sizes = await Promise.all(
    names.map(async (name) => (await stat(join(storeOf(node), name))).size),
  );
  const name = names[sizes.indexOf(Math.max(...sizes))];
  assert.ok(name !== undefined, `${node.name} has no ${kind}`);
  return join(storeOf(node), name);
}

async function change(path: string, harm: (bytes: Buffer) => void): Promise<void> {
  const bytes = await readFile(path);
  harm(bytes);
  await writeFile(path, bytes);
}

const flipAt =
  (share: number) =>
  (bytes: Buffer): void => {
    const at = Math.floor(bytes.length * share);
    bytes[at] = (bytes[at] as number) ^ 16;
  };

const loseSectorAt =
  (share: number) =>
  (bytes: Buffer): void => {
    const at = Math.floor(bytes.length * share);
    bytes.fill(0, at, at + 512);
  };

/**
 * Starts all nodes. Until they are whole, every answer to a read must be right, or a 503 or 504.
 */
async function startAndMend({
  cluster,
  acknowledged,
}: {
  cluster: TestCluster;
  acknowledged: ReadonlyMap<string, string>;
}): Promise<void> {
  for (const node of cluster.nodes) node.start();
  const wrong: string[] = [];
  await eventually(
    'every key is read at every node',
    async () => {
      const lost = await Promise.all(
        cluster.nodes.map((_, at) => missing(cluster, acknowledged, { at })),
      );
      // A read that cannot be answered rightly is refused, and a node that starts answers none.
      wrong.push(...lost.flat().filter((line) => !/: (?:503|504|no answer) /.test(line)));
      return lost.every((list) => list.length === 0);
    },
    MEND_MS,
  );
  assert.deepEqual(wrong, []);
  await atRest(cluster, MEND_MS);
  for (const at of cluster.nodes.keys())
    assert.deepEqual(await missing(cluster, acknowledged, { at, query: '?r=1' }), [], `n${at + 1}`);
}

const isKept = (node: TestNode): Promise<boolean> =>
  stat(join(node.root, 'leveldb-damaged-1')).then(() => true);

for (const [kind, extra] of Object.entries(DISKS)) {
  test(`nothing is lost with one flipped bit on each of three ${kind} disks, in different records`, async (t) => {
    const stopped = await stoppedCluster(t, { extra });
    for (const [i, node] of stopped.cluster.nodes.entries())
      await change(await largest(node, /\.ldb$/), flipAt([0.3, 0.45, 0.6][i] as number));
    await startAndMend(stopped);
    for (const node of stopped.cluster.nodes)
      await eventually(`${node.name} has found it`, () => isKept(node), MEND_MS);
    await atRest(stopped.cluster);
  });

  test(`every key with an intact copy survives a lost sector on each of three ${kind} disks`, async (t) => {
    const stopped = await stoppedCluster(t, { extra });
    for (const [i, node] of stopped.cluster.nodes.entries())
      await change(await largest(node, /\.ldb$/), loseSectorAt([0.2, 0.5, 0.8][i] as number));
    await startAndMend(stopped);
  });
}

test('damage that no client meets is found in the background, logged once, and repaired', async (t) => {
  const { cluster, acknowledged } = await stoppedCluster(t);
  const victim = cluster.node(1);
  await change(await largest(victim, /\.ldb$/), loseSectorAt(0.4));
  for (const node of cluster.nodes) node.start();
  await eventually('it is found', () => isKept(victim), MEND_MS);
  await cluster.connected();
  await atRest(cluster, MEND_MS);
  assert.deepEqual(await missing(cluster, acknowledged, { at: 1, query: '?r=1' }), []);
  const lines = victim.log.split('\n').filter((line) => /damage|mended|failed/.test(line));
  assert.ok(lines.length < 10, lines.join('\n'));
});

test('a cluster recovers from a cut manifest, a missing table and a damaged log on three disks', async (t) => {
  const stopped = await stoppedCluster(t);
  const { cluster } = stopped;
  const manifest = await largest(cluster.node(0), /^MANIFEST/);
  await truncate(manifest, Math.floor((await stat(manifest)).size / 2));
  await rm(await largest(cluster.node(1), /\.ldb$/));
  await change(await largest(cluster.node(2), /\.ldb$/), loseSectorAt(0.5));
  await startAndMend(stopped);
  for (const node of cluster.nodes) assert.ok(await isKept(node), node.name);
});

test('a cluster recovers from empty manifests on all disks', async (t) => {
  const stopped = await stoppedCluster(t, { keys: 600 });
  for (const node of stopped.cluster.nodes) await truncate(await largest(node, /^MANIFEST/), 0);
  await startAndMend(stopped);
});

test('a cluster without tables recovers from damaged logs and a removed CURRENT', async (t) => {
  const cluster = await TestCluster.start(t);
  const load = new Load(t, () => cluster.nodes, { clients: 16 });
  await load.progress(600);
  await load.stop();
  await Promise.all(cluster.nodes.map((node) => node.end('SIGKILL')));
  for (const at of [0, 1])
    await change(await largest(cluster.node(at), /\.log$/), loseSectorAt(0.3 + 0.3 * at));
  await rm(join(storeOf(cluster.node(2)), 'CURRENT'));
  await startAndMend({ cluster, acknowledged: load.acknowledged });
});
