/**
 * Member records that no node would send, on real processes. They are left out, and the members
 * keep their states and serve.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { TestContext } from 'node:test';
import type { MemberRecord } from '../../src/core/placement/member-list.ts';
import type { Request, Reply } from '../../src/transport/message.ts';
import { CausalContext } from '../../src/core/causality/causal-context.ts';
import { plantCanaries } from '../fixtures/canaries.ts';
import { eventually, pause, TestCluster, type TestNode } from '../fixtures/cluster.ts';
import { send } from '../fixtures/http.ts';
import { InventedPeer } from '../fixtures/invented-peer.ts';

/** Longer than gossip and a change of owners need. */
const SPREAD_MS = 4_000;

const NAMES = ['n1', 'n2', 'n3'];
const NO_CONTEXT = CausalContext.ofDots([]);

/** Answers reads, stores and forwards as an owner that has nothing and keeps nothing. */
function swallow(request: Request): Reply | undefined {
  const actor = 'evil~evilprocess';
  if (request.kind === 'read')
    return {
      kind: 'object',
      actor,
      isComplete: true,
      context: NO_CONTEXT,
      versions: [],
      owners: undefined,
    };
  if (request.kind === 'store')
    return {
      kind: 'stored',
      actor,
      life: 'evilprocess',
      replica: 1,
      fences: [],
      owners: undefined,
    };
  return undefined;
}

interface Scene {
  readonly cluster: TestCluster;
  readonly peer: InventedPeer;
  /** Fails unless the members are as they were, and all keys can be read and written. */
  readonly assertUnharmed: () => Promise<void>;
}

async function begin(t: TestContext): Promise<Scene> {
  const cluster = await TestCluster.start(t);
  const readCanaries = await plantCanaries(cluster);
  const peer = await InventedPeer.start(t, { answer: swallow });
  await peer.learnCluster(cluster.node(0));
  const assertUnharmed = async (): Promise<void> => {
    for (const node of cluster.nodes) {
      const { members, isReady } = await node.status();
      assert.ok(isReady, node.log);
      const areUp = members.filter(({ state }) => state === 'up').map(({ name }) => name);
      assert.deepEqual(areUp, NAMES);
    }
    await readCanaries();
    for (const [at, node] of cluster.nodes.entries()) {
      const key = `after-${at}-${Date.now()}`;
      assert.equal((await node.key(key, { method: 'PUT', body: key })).status, 200);
      for (const reader of [0, 1, 2]) assert.deepEqual(await cluster.values(key, reader), [key]);
    }
  };
  return { cluster, peer, assertUnharmed };
}

async function assertNamed(node: TestNode, flaw: string): Promise<void> {
  const line = new RegExp(`member record refused.*reason=".*${flaw}`);
  await eventually(`${node.name} names the flaw`, async () => line.test(node.log));
}

async function restartAll({ nodes }: TestCluster): Promise<void> {
  await Promise.all(nodes.map((node) => node.end('SIGTERM')));
  for (const node of nodes) node.start();
}

test('members that are up at once, with all of the weight, take over nothing', async (t) => {
  const { cluster, peer, assertUnharmed } = await begin(t);
  const records = ['e1', 'e2', 'e3'].map((name) => peer.record({ name, state: 'up', weight: 1e6 }));
  await peer.probe(cluster.node(0), { records });
  await pause(SPREAD_MS);
  await assertUnharmed();
  await assertNamed(cluster.node(0), 'weight');
});

test('members that never joined cannot be up, or be gone', async (t) => {
  const { cluster, peer, assertUnharmed } = await begin(t);
  const up = peer.record({ name: 'e1', state: 'up' });
  const gone = NAMES.map((name) => peer.record({ name, state: 'gone' }));
  await peer.probe(cluster.node(0), { records: [up, ...gone] });
  await pause(SPREAD_MS);
  await assertUnharmed();
  await assertNamed(cluster.node(0), 'has never joined');
  await restartAll(cluster);
  await cluster.connected();
  await assertUnharmed();
});

test('a record with an impossible address is left out, and all nodes start again', async (t) => {
  const { cluster, peer, assertUnharmed } = await begin(t);
  const record = peer.record({ host: '*;;;!!', port: 70_000_000 });
  await peer.probe(cluster.node(0), { records: [record] });
  await pause(SPREAD_MS);
  await restartAll(cluster);
  await cluster.connected();
  await assertUnharmed();
  for (const { log } of cluster.nodes) assert.ok(log.length < 64 * 1024, log.slice(0, 4096));
});

/** The longest time, in ms, that a node takes for a ping while `act` runs, and shortly after. */
async function slowestPing(
  nodes: readonly TestNode[],
  act: () => Promise<unknown>,
): Promise<number> {
  const state = { isOn: true };
  const slowest = nodes.map(async ({ url }) => {
    let longest = 0;
    while (state.isOn) {
      const startMs = performance.now();
      await send(`${url}/ping`, { timeoutMs: 60_000 });
      longest = Math.max(longest, performance.now() - startMs);
      await pause(10);
    }
    return longest;
  });
  await act();
  await pause(SPREAD_MS);
  state.isOn = false;
  return Math.max(...(await Promise.all(slowest)));
}

test('three hundred records in one message do not hold a node up', async (t) => {
  const { cluster, peer, assertUnharmed } = await begin(t);
  const records = Array.from({ length: 300 }, (_, i): MemberRecord =>
    peer.record({ name: `e${i}`, weight: 1 + i / 1000, port: 1, httpport: 3 }),
  );
  const slowestMs = await slowestPing(cluster.nodes, () =>
    peer.probe(cluster.node(0), { records }).catch(() => undefined),
  );
  // Placing the owners once takes some 10 ms. Doing so for each record took 45 s.
  assert.ok(slowestMs < 2_000, `${slowestMs} ms`);
  await assertUnharmed();
});

test('a version or a generation that no member can have is not taken over', async (t) => {
  const { cluster, peer, assertUnharmed } = await begin(t);
  const version = Number.MAX_SAFE_INTEGER;
  await peer.probe(cluster.node(0), { suspects: [{ name: 'n1', version }] });
  const later = peer.record({ name: 'n2', generation: version, port: 1, httpport: 3 });
  await peer.probe(cluster.node(0), { records: [later] });
  await pause(SPREAD_MS);
  await assertUnharmed();
  // Nodes believe the record of a node that leaves, so its version is one that they accept.
  const leaving = cluster.node(0);
  assert.equal((await send(`${leaving.url}/cluster/leave`, { method: 'POST' })).status, 202);
  assert.equal(await leaving.ended(), 0);
  for (const node of cluster.nodes.slice(1)) {
    const { members } = await node.status();
    assert.equal(members.find(({ name }) => name === 'n1')?.state, 'gone', node.log);
  }
});
