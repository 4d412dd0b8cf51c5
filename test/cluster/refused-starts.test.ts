/** Nodes that must not start as they are configured: they end with 2, and say why in one line. */
import assert from 'node:assert/strict';
import { dirname } from 'node:path';
import { test } from 'node:test';
import { freePorts, TestCluster, TestNode } from '../fixtures/cluster.ts';

test('a node with another quorum.n is refused, and ends', async (t) => {
  const cluster = await TestCluster.start(t);
  const directory = dirname(cluster.node(0).root);
  const other = new TestNode(directory, 'other', { port: await freePorts(3) });
  t.after(() => other.end('SIGKILL'));
  await other.configure([cluster.node(0)], '[quorum]\nn = 2\n');
  other.start();
  assert.equal(await other.ended(), 2);
  assert.match(other.log, /mec: n1 refuses this node: its quorum\.n is 2, that of others 3\n/);
  assert.match(cluster.node(0).log, /a node does not belong here node=other .*quorum\.n is 2/);
  const { members } = await cluster.node(0).status();
  assert.deepEqual(
    members.map(({ name }) => name),
    ['n1', 'n2', 'n3'],
  );
});

test('a node does not start on the root of a node of another name', async (t) => {
  const cluster = await TestCluster.start(t, { nodes: 1 });
  const node = cluster.node(0);
  await node.end('SIGTERM');
  const other = new TestNode(dirname(node.root), 'other', { port: node.port });
  t.after(() => other.end('SIGKILL'));
  await other.configure([], '', node.root);
  other.start();
  assert.equal(await other.ended(), 2);
  const names = /mec: The store belongs to the node n1, and this node is other; use that name, or /;
  assert.match(other.log, names);
  node.start();
  await cluster.connected();
});
