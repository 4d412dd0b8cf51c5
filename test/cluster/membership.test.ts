/** Nodes that come and go: real processes, one address known, under load. */
import assert from 'node:assert/strict';
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { eventually, pause, TestCluster, type TestNode } from '../fixtures/cluster.ts';
import { send } from '../fixtures/http.ts';
import { atRest, Load, missing } from '../fixtures/load.ts';

/** The states of all members, as each node knows them. */
async function views(cluster: TestCluster): Promise<Set<string>> {
  const seen = await Promise.all(
    cluster.nodes.map(async (node) =>
      (await node.status()).members.map(({ name, state }) => `${name} ${state}`).sort(),
    ),
  );
  return new Set(seen.map(String));
}

async function until(
  cluster: TestCluster,
  what: string,
  members: readonly string[],
): Promise<void> {
  const wanted = [...members].sort().join();
  await eventually(what, async () => {
    const seen = await views(cluster);
    return seen.size === 1 && seen.has(wanted);
  });
}

const leave = (node: TestNode): Promise<{ status: number }> =>
  send(`${node.url}/cluster/leave`, { method: 'POST' });

function p99(times: readonly number[]): number {
  const sorted = [...times].sort((a, b) => a - b);
  return sorted[Math.floor(sorted.length * 0.99)] ?? 0;
}

test('no request fails and no acknowledged write is lost while three nodes become five, then four', async (t) => {
  const cluster = await TestCluster.start(t);
  let serving = cluster.nodes;
  const load = new Load(t, () => serving, { clients: 4, reads: true, pauseMs: 10 });
  await load.progress(200);
  load.times = [];
  await pause(3_000);
  const quiet = p99(load.times);
  load.times = [];
  await cluster.add();
  await cluster.add();
  await until(cluster, 'five are up', ['n1 up', 'n2 up', 'n3 up', 'n4 up', 'n5 up']);
  serving = cluster.nodes;
  await load.progress(100);
  const leaving = cluster.node(1);
  // Like a load balancer, sends no new requests to a node that will leave.
  serving = cluster.nodes.filter((node) => node !== leaving);
  await pause(200);
  assert.equal((await leave(leaving)).status, 202);
  assert.equal(await leaving.ended(), 0);
  cluster.forget(leaving);
  await until(cluster, 'one has gone', ['n1 up', 'n2 gone', 'n3 up', 'n4 up', 'n5 up']);
  await load.progress(100);
  const busy = p99(load.times);
  await load.stop();
  t.diagnostic(
    `p99 ${busy.toFixed(1)} ms while nodes came and went, ${quiet.toFixed(1)} ms before`,
  );
  assert.deepEqual(load.failures, []);
  await atRest(cluster);
  for (const at of [0, 1, 2, 3])
    assert.deepEqual(await missing(cluster, load.acknowledged, { at, query: '?r=all' }), []);
});

test('a node on an empty disk takes the place of a dead one of its name', async (t) => {
  const cluster = await TestCluster.start(t);
  const load = new Load(t, () => cluster.nodes.slice(0, 2), { clients: 2 });
  await load.progress(100);
  const burnt = cluster.node(2);
  await burnt.end('SIGKILL');
  await rm(burnt.root, { recursive: true, force: true });
  await load.progress(100);
  burnt.start();
  await cluster.connected();
  await load.stop();
  await atRest(cluster);
  assert.deepEqual(await missing(cluster, load.acknowledged, { at: 2, query: '?r=all' }), []);
});

test('a second living node of one name is refused, and both sides say so', async (t) => {
  const cluster = await TestCluster.start(t);
  const double = await cluster.stranger('n3', join(cluster.node(2).root, '..', 'double'));
  assert.equal(await double.ended(), 2);
  assert.match(double.log, /mec: n1 refuses this node: the name n3 is taken, by 127\.0\.0\.1:\d+/);
  assert.match(cluster.node(0).log, /a node does not belong here node=n3 .*the name n3 is taken/);
  assert.deepEqual(await views(cluster), new Set(['n1 up,n2 up,n3 up']));
});

test('a node that was declared gone while it was dead hands its writes over, and ends', async (t) => {
  const cluster = await TestCluster.start(t, { nodes: 4 });
  const lost = cluster.node(3);
  const key = 'k';
  await cluster.node(0).key(key, { method: 'PUT', body: 'v' });
  const refused = await send(`${cluster.node(0).url}/cluster/remove/n4`, { method: 'POST' });
  assert.equal(refused.status, 400, 'it is alive');
  await lost.end('SIGKILL');
  cluster.forget(lost);
  await eventually('it is unreachable', async () => {
    return (
      (await send(`${cluster.node(0).url}/cluster/remove/n4`, { method: 'POST' })).status === 200
    );
  });
  await until(cluster, 'it is gone', ['n1 up', 'n2 up', 'n3 up', 'n4 gone']);
  lost.start();
  assert.equal(await lost.ended(), 0);
  assert.match(lost.log, /another node has declared this one gone/);
  lost.start();
  assert.equal(await lost.ended(), 2);
  assert.match(lost.log, /has left its cluster/);
  assert.deepEqual(await cluster.values(key), ['v']);
});

test('a node that starts on other ports is the same member', async (t) => {
  const cluster = await TestCluster.start(t);
  await cluster.node(0).key('k', { method: 'PUT', body: 'v' });
  const old = cluster.node(2);
  await old.end('SIGTERM');
  cluster.forget(old);
  const moved = await cluster.add('n3');
  assert.equal(moved.root, old.root);
  await cluster.connected();
  await until(cluster, 'three are up', ['n1 up', 'n2 up', 'n3 up']);
  assert.equal((await moved.key('k?r=all')).text, 'v');
});

test('the last node refuses to leave', async (t) => {
  const cluster = await TestCluster.start(t, { nodes: 1 });
  const { status, text } = await send(`${cluster.node(0).url}/cluster/leave`, { method: 'POST' });
  assert.equal(status, 400);
  assert.match(text, /only node/);
});
