/** Tests of two clusters that become one because an operator asks for it. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { SimNode } from '../../src/sim/cluster.ts';
import { Lab, settled, textOf } from '../fixtures/lab.ts';

/** A cluster of two nodes, and another one. Each node has a value of its own and one of both. */
async function twoClusters(): Promise<{ lab: Lab; nodes: readonly SimNode[] }> {
  const lab = new Lab(2);
  const { cluster } = lab;
  await lab.born();
  const others = [cluster.add(), cluster.add()];
  const nodes = others.map(({ address }) => address);
  for (const node of others) {
    node.configured = { nodes };
    node.start();
  }
  await lab.until(() => others.every(({ node }) => node?.state === 'up'));
  await lab.wait(2_000);
  for (const [i, node] of cluster.nodes.entries()) {
    assert.equal((await lab.ask(node, 'PUT', `of-${node.name}`, { value: 'one' })).status, 200);
    if (i % 2 === 0)
      assert.equal((await lab.ask(node, 'PUT', 'both', { value: node.name })).status, 200);
  }
  return { lab, nodes: cluster.nodes };
}

test('two clusters become one when an operator asks for it, and lose nothing', async () => {
  const { lab, nodes } = await twoClusters();
  const [one, , other] = nodes as [SimNode, SimNode, SimNode];
  const before = [one, other].map(({ node }) => node?.status().cluster.id);
  assert.notEqual(before[0], before[1]);
  await settled(lab, other.node?.merge(one.address) ?? assert.fail());
  await lab.rest();
  const ids = new Set(nodes.map(({ node }) => node?.status().cluster.id));
  assert.equal(ids.size, 1);
  for (const node of nodes) {
    assert.equal(node.node?.members.length, 4);
    for (const { name } of nodes)
      assert.equal(textOf(await lab.ask(node, 'GET', `of-${name}`)), 'one', `of-${name}`);
    const both = await lab.ask(node, 'GET', 'both');
    assert.equal(both.status, 300);
    for (const { name } of [one, other]) assert.ok(textOf(both).includes(name), name);
  }
  // They stay one, although no configuration names a node of the other one.
  for (const node of nodes) node.crash();
  for (const node of nodes) node.start();
  await lab.rest();
});

test('a merge with a node that does not answer, or has another n or name, is refused', async () => {
  const { lab, nodes } = await twoClusters();
  const [one, , other] = nodes as [SimNode, SimNode, SimNode];
  const refusal = async (): Promise<unknown> =>
    settled(lab, other.node?.merge(one.address) ?? assert.fail()).catch((error: unknown) => error);
  const alone = lab.cluster.add();
  alone.configured = { nodes: [], quorum: { n: 1, r: 1, w: 1, timeoutMs: 3_000 } };
  alone.start();
  await lab.until(() => alone.node?.state === 'up');
  await lab.wait(100);
  await assert.rejects(
    settled(lab, other.node?.merge(alone.address) ?? assert.fail()),
    /quorum.n of n5 is 1, that of this cluster 3/,
  );
  for (const [node, name] of [
    [one, 'shop'],
    [other, 'bank'],
  ] as const) {
    node.crash();
    node.configured = { ...node.configured, cluster: name };
    node.start();
  }
  await lab.until(() => [one, other].every(({ node }) => node?.state === 'up'));
  assert.match(
    String(await refusal()),
    /n1 is configured for the cluster shop, this node for bank/,
  );
  one.crash();
  assert.match(String(await refusal()), /No node answers at sim:7010/);
  one.start();
  await lab.wait(15_000);
  assert.equal(other.node?.members.length, 2);
});

test('nodes that lost their disks begin another cluster, and a merge brings the data back', async () => {
  const lab = new Lab(3);
  await lab.born();
  const { nodes } = lab.cluster;
  const [one, , kept] = nodes as [SimNode, SimNode, SimNode];
  assert.equal((await lab.ask(one, 'PUT', 'k', { value: 'v', query: 'w=all' })).status, 200);
  for (const node of nodes) node.crash();
  for (const node of nodes) {
    if (node === kept) continue;
    node.disk.replace(new Map());
    node.start();
  }
  await lab.until(() => one.node?.state === 'up', 30_000);
  await lab.wait(5_000);
  kept.start();
  await lab.wait(10_000);
  assert.equal((await lab.ask(one, 'GET', 'k')).status, 404);
  assert.equal(textOf(await lab.ask(kept, 'GET', 'k', { query: 'r=1' })), 'v');
  await settled(lab, one.node?.merge(kept.address) ?? assert.fail());
  await lab.rest();
  for (const node of nodes) assert.equal(textOf(await lab.ask(node, 'GET', 'k')), 'v');
});

/** Three nodes that name no other. Those of these numbers have a value of their own. */
async function apart(withData: readonly number[]): Promise<Lab> {
  const lab = new Lab(3);
  const { nodes } = lab.cluster;
  for (const node of nodes) {
    node.crash();
    node.configured = { nodes: [] };
    node.start();
  }
  await lab.until(() => nodes.every(({ node }) => node?.state === 'up'));
  await lab.wait(2_000);
  for (const i of withData) {
    const node = nodes[i] as SimNode;
    assert.equal((await lab.ask(node, 'PUT', `of-${i}`, { value: 'v' })).status, 200);
  }
  for (const node of nodes) {
    node.crash();
    node.configured = {};
  }
  for (const node of nodes) node.start();
  return lab;
}

test('clusters of one node without data become one when their configurations name each other', async () => {
  const lab = await apart([]);
  await lab.rest();
  for (const { node } of lab.cluster.nodes) assert.equal(node?.members.length, 3);
});

for (const isAloneFirst of [false, true]) {
  const when = isAloneFirst ? 'alone, and then with it' : 'with it';
  test(`a node that has begun to join a cluster of one waits for it: it starts again ${when}`, async () => {
    const lab = new Lab(1);
    const [one] = lab.cluster.nodes as [SimNode];
    const other = lab.cluster.add();
    one.crash();
    one.configured = { nodes: [] };
    one.start();
    await lab.until(() => one.node?.state === 'up');
    await lab.wait(1_000);
    other.configured = { nodes: [one.address] };
    other.start();
    await lab.until(() => lab.logged(other, /belongs to a cluster/).length > 0);
    for (const node of [one, other]) node.crash();
    one.configured = { nodes: [other.address] };
    if (isAloneFirst) {
      one.start();
      await lab.wait(3_000);
      one.crash();
    }
    for (const node of [one, other]) node.start();
    await lab.rest();
    for (const { node } of lab.cluster.nodes) assert.equal(node?.members.length, 2);
  });
}

test('a cluster of one node without data gives way to one with data', async () => {
  const lab = await apart([1]);
  await lab.rest();
  for (const node of lab.cluster.nodes)
    assert.equal(textOf(await lab.ask(node, 'GET', 'of-1')), 'v', node.name);
});

test('clusters of one node with data stay apart', async () => {
  const lab = await apart([0, 2]);
  await lab.wait(20_000);
  const [one, , other] = lab.cluster.nodes as [SimNode, SimNode, SimNode];
  assert.equal((await lab.ask(one, 'GET', 'of-2')).status, 404);
  assert.equal((await lab.ask(other, 'GET', 'of-0')).status, 404);
  assert.ok(!(one.node?.members ?? []).some(({ name }) => name === other.name));
});
