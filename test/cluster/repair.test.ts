/**
 * Replicas that fell behind or lost their data, on real processes. All become equal again, without
 * a single read.
 */
import assert from 'node:assert/strict';
import { readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { eventually, pause, TestCluster } from '../fixtures/cluster.ts';
import { tokenOf } from '../fixtures/http.ts';
import { atRest, Load, missing } from '../fixtures/load.ts';

const nodesBut = (cluster: TestCluster, away: number) => () =>
  cluster.nodes.filter((_, i) => i !== away);

/** Expects every node to have every acknowledged write in its own copy. */
async function assertEqual(
  cluster: TestCluster,
  acknowledged: ReadonlyMap<string, string>,
): Promise<void> {
  for (const at of cluster.nodes.keys())
    assert.deepEqual(await missing(cluster, acknowledged, { at, query: '?r=1' }), [], `n${at + 1}`);
}

test('a replica catches up after kill -9 under load, and the logs are cut', async (t) => {
  const cluster = await TestCluster.start(t);
  const load = new Load(t, nodesBut(cluster, 2), { clients: 16 });
  await load.progress(200);
  await cluster.node(2).end('SIGKILL');
  await load.progress(1_000);
  cluster.node(2).start();
  await cluster.connected();
  await load.progress(200);
  await load.stop();
  await atRest(cluster);
  await assertEqual(cluster, load.acknowledged);
});

test('a replica catches up after SIGSTOP and SIGCONT', async (t) => {
  const cluster = await TestCluster.start(t);
  const load = new Load(t, nodesBut(cluster, 1), { clients: 16 });
  await load.progress(200);
  cluster.node(1).signal('SIGSTOP');
  await pause(10_000);
  cluster.node(1).signal('SIGCONT');
  await load.progress(200);
  await load.stop();
  assert.deepEqual(load.failures, []);
  await cluster.connected();
  await atRest(cluster);
  await assertEqual(cluster, load.acknowledged);
});

test('a wiped data directory is filled again, and does not count until then', async (t) => {
  const cluster = await TestCluster.start(t);
  const load = new Load(t, () => cluster.nodes, { clients: 16 });
  await load.progress(1_500);
  await load.stop();
  const gone = await cluster.node(0).key('gone', { method: 'PUT', body: 'x' });
  await atRest(cluster);
  await cluster.node(0).end('SIGKILL');
  await rm(cluster.node(0).root, { recursive: true });
  const headers = { 'X-Mec-Vclock': tokenOf(gone) };
  assert.equal((await cluster.node(1).key('gone', { method: 'DELETE', headers })).status, 204);
  cluster.node(0).start();
  await eventually('it serves', async () => (await cluster.node(0).key('load-1')).status === 200);
  assert.deepEqual(
    await missing(cluster, load.acknowledged, { at: 0 }),
    [],
    'never a 404 on the way',
  );
  await cluster.connected();
  await atRest(cluster);
  await assertEqual(cluster, load.acknowledged);
  for (const at of [0, 1, 2]) assert.deepEqual(await cluster.values('gone', at), []);
});

test('a store with a damaged table file is kept aside and rebuilt', async (t) => {
  const cluster = await TestCluster.start(t);
  const load = new Load(t, () => cluster.nodes, { clients: 16 });
  await load.progress(1_500);
  await load.stop();
  await atRest(cluster);
  const victim = cluster.node(0);
  await victim.end('SIGTERM');
  // A start writes what the log held into a table file.
  victim.start();
  await cluster.connected();
  await victim.end('SIGTERM');
  const store = join(victim.root, 'leveldb');
  const tables = (await readdir(store)).filter((name) => name.endsWith('.ldb'));
  assert.ok(tables.length > 0, 'there is a table file');
  for (const name of tables) {
    const bytes = await readFile(join(store, name));
    for (let at = 100; at < bytes.length - 100; at += 1_000)
      bytes[at] = (bytes[at] as number) ^ 0xff;
    await writeFile(join(store, name), bytes);
  }
  victim.start();
  await cluster.connected();
  // Reading finds the damage.
  await eventually('the damage is found', async () => {
    await missing(cluster, new Map([...load.acknowledged].slice(0, 200)), { at: 0 });
    return stat(join(victim.root, 'leveldb-damaged-1')).then(() => true);
  });
  await eventually('it serves', async () => (await victim.key('load-1')).status === 200);
  await atRest(cluster);
  await assertEqual(cluster, load.acknowledged);
});

test('fallbacks hand the writes over that they took for absent owners', async (t) => {
  const cluster = await TestCluster.start(t, { nodes: 5 });
  await Promise.all([3, 4].map((i) => cluster.node(i).end('SIGKILL')));
  await eventually('both are seen to be gone', async () => {
    const { peers } = await cluster.node(0).status();
    return peers.filter(({ reach }) => reach === 'unreachable').length === 2;
  });
  const load = new Load(t, () => cluster.nodes.slice(0, 3), { clients: 8 });
  await load.progress(300);
  await load.stop();
  assert.deepEqual(load.failures, []);
  const statuses = await Promise.all(
    [0, 1, 2].map(async (i) => (await cluster.node(i).status()).sync),
  );
  assert.ok(
    statuses.some((sync) => sync.fallbacks > 0),
    'a fallback has taken them',
  );
  for (const i of [3, 4]) cluster.node(i).start();
  await cluster.connected();
  await atRest(cluster);
  for (const at of [0, 3, 4])
    assert.deepEqual(await missing(cluster, load.acknowledged, { at, query: '?r=all' }), []);
});
