/**
 * Real processes on hosts of their own, and a network between them that is cut, loses packets, and
 * is slow.
 */
import assert from 'node:assert/strict';
import { test, type TestContext } from 'node:test';
import { eventually } from '../fixtures/cluster.ts';
import { parseMultipart } from '../fixtures/http.ts';
import { atRest, missing } from '../fixtures/load.ts';
import { HostedCluster, type HostedNode, whyNoHosts } from '../fixtures/network-hosts.ts';

const skip = await whyNoHosts();

/** The acknowledged writes of all tests. At the end of each test, the cluster must have all. */
const acknowledged = new Map<string, string>();

/**
 * Writes `count` keys at each of some nodes, and expects every write to be acknowledged. Returns
 * the time of the slowest write, in ms.
 */
async function write(
  nodes: readonly HostedNode[],
  what: string,
  { count = 10, query = '' } = {},
): Promise<number> {
  let longestMs = 0;
  await Promise.all(
    nodes.map(async (node) => {
      for (let i = 0; i < count; i++) {
        const key = `${what}-${node.name}-${i}`;
        const startMs = performance.now();
        const { status, text } = await node.key(key + query, { method: 'PUT', body: `v ${key}` });
        assert.equal(status, 200, `${key}: ${text}`);
        longestMs = Math.max(longestMs, performance.now() - startMs);
        acknowledged.set(key, `v ${key}`);
      }
    }),
  );
  return longestMs;
}

/** Waits until some nodes have lost sight of others. */
async function losesSight(
  observers: readonly HostedNode[],
  lost: readonly HostedNode[],
): Promise<void> {
  for (const node of observers) {
    await eventually(`${node.name} loses sight`, async () => {
      const { peers } = await node.status();
      return lost.every(
        ({ name }) => peers.find((peer) => peer.node === name)?.reach === 'unreachable',
      );
    });
  }
}

/**
 * Expects a cluster to recover when its network is whole again: all acknowledged writes are on all
 * owners, and no node has anything left to hand over.
 */
async function recovers(cluster: HostedCluster): Promise<void> {
  cluster.wire.heal();
  await cluster.whole();
  await atRest(cluster);
  for (const at of [0, cluster.nodes.length - 1]) {
    assert.deepEqual(await missing(cluster, acknowledged, { at, query: '?r=all' }), []);
  }
}

/** One situation after the other, on one cluster. */
type Situation = (cluster: HostedCluster, t: TestContext) => Promise<void>;

const SITUATIONS: Readonly<Record<string, Situation>> = {
  'one of five is cut off': async (cluster) => {
    const [lost, ...others] = cluster.nodes as [HostedNode, ...HostedNode[]];
    cluster.wire.oneWay([1], [2, 3, 4, 5], { isCut: true });
    cluster.wire.oneWay([2, 3, 4, 5], [1], { isCut: true });
    // Writes at once, and again when all nodes know.
    await write(others, 'cut-at-once', { count: 3 });
    await losesSight(others, [lost]);
    await losesSight([lost], others);
    await write(others, 'cut');
    const alone = await lost.key('alone', { method: 'PUT', body: 'x' });
    assert.equal(alone.status, 503, alone.text);
    assert.equal((JSON.parse(alone.text) as { code: string }).code, 'quorum-not-met');
    await write([lost], 'alone', { query: '?w=1' });
  },
  'two are cut off from three, and both sides write': async (cluster) => {
    const [few, many] = [cluster.nodes.slice(0, 2), cluster.nodes.slice(2)];
    cluster.wire.oneWay([1, 2], [3, 4, 5], { isCut: true });
    cluster.wire.oneWay([3, 4, 5], [1, 2], { isCut: true });
    await losesSight(few, many);
    await losesSight(many, few);
    // Two nodes are a quorum of fallbacks.
    await write(few, 'few');
    await write(many, 'many');
    for (const [node, side] of [
      [cluster.node(0), 'few'],
      [cluster.node(4), 'many'],
    ] as const) {
      assert.equal((await node.key('both', { method: 'PUT', body: side })).status, 200);
      assert.equal((await node.key('both')).text, side);
    }
    cluster.wire.heal();
    await cluster.whole();
    await atRest(cluster);
    for (const node of cluster.nodes) {
      const response = await node.key('both?r=all');
      assert.equal(response.status, 300, response.text);
      const values = parseMultipart(response).map(({ body }) => body.toString());
      assert.deepEqual(values.sort(), ['few', 'many']);
    }
  },
  'the packets of one host to another are lost, and no others': async (cluster) => {
    cluster.wire.oneWay([1], [2], { isCut: true });
    await losesSight([cluster.node(0)], [cluster.node(1)]);
    await losesSight([cluster.node(1)], [cluster.node(0)]);
    await write(cluster.nodes, 'one-way');
    for (const at of [0, 1]) assert.deepEqual(await missing(cluster, acknowledged, { at }), []);
  },
  'one packet of five is lost': async (cluster, t) => {
    const all = [1, 2, 3, 4, 5];
    cluster.wire.oneWay(all, all, { loss: 0.2 });
    let refused = 0;
    for (let i = 0; i < 20; i++) {
      const key = `lossy-${i}`;
      const { status } = await cluster.node(i % 5).key(key, { method: 'PUT', body: key });
      if (status === 200) acknowledged.set(key, key);
      else refused += 1;
    }
    t.diagnostic(`${refused} of 20 writes refused`);
    assert.ok(refused <= 5, `${refused} of 20 writes refused`);
    assert.ok((await cluster.node(0).status()).members.every(({ state }) => state === 'up'));
  },
  'every packet takes 50 ms': async (cluster, t) => {
    const all = [1, 2, 3, 4, 5];
    cluster.wire.oneWay(all, all, { delayMs: 50 });
    const longestMs = await write(cluster.nodes, 'far');
    t.diagnostic(`the longest write took ${Math.round(longestMs)} ms`);
    assert.ok(longestMs >= 100, 'not even one round trip');
    assert.ok(longestMs < 2_000, `${longestMs} ms`);
    for (const { status } of cluster.nodes.map((node) => ({ status: node.status() })))
      assert.ok((await status).peers.every(({ reach }) => reach === 'reachable'));
  },
  'a node is cut off while it joins': async (cluster) => {
    const old = cluster.nodes.slice();
    const joining = await cluster.add();
    // So slow that it cannot be done before it is cut off.
    cluster.wire.oneWay([6], [1, 2, 3, 4, 5], { delayMs: 200 });
    joining.start();
    await eventually('it begins to join', async () => {
      const { members } = await cluster.node(0).status();
      return members.some(({ name, state }) => name === joining.name && state === 'joining');
    });
    cluster.wire.oneWay([6], [1, 2, 3, 4, 5], { isCut: true });
    cluster.wire.oneWay([1, 2, 3, 4, 5], [6], { isCut: true });
    await write(old, 'join-at-once', { count: 3 });
    await losesSight(old, [joining]);
    await write(old, 'join');
    assert.equal((await joining.status()).state, 'joining');
  },
};

test('five nodes on hosts of their own survive cuts, loss and slow links', { skip }, async (t) => {
  const cluster = await HostedCluster.start(t, 5);
  await write(cluster.nodes, 'before', { count: 20 });
  for (const [what, situation] of Object.entries(SITUATIONS)) {
    await t.test(what, async (own) => {
      await situation(cluster, own);
      await recovers(cluster);
    });
  }
});
