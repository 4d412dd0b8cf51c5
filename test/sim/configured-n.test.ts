/** Tests of nodes whose `quorum.n` is not that of their cluster. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { SimNode } from '../../src/sim/cluster.ts';
import { Lab } from '../fixtures/lab.ts';

const ONE = { quorum: { n: 1, r: 'quorum', w: 'quorum', timeoutMs: 3_000 } } as const;

test('a member does not start with another n', async () => {
  const lab = new Lab(3);
  await lab.born();
  const [node] = lab.cluster.nodes as [SimNode];
  node.crash();
  node.configured = ONE;
  node.start();
  await lab.wait(500);
  assert.equal(node.node, undefined);
  assert.ok(lab.logged(node, /does not start: quorum.n is 1, and the cluster has 3/).length > 0);
  node.configured = {};
  await lab.rest();
});

test('new nodes with different n begin no cluster, and end', async () => {
  const lab = new Lab(2);
  const [one, other] = lab.cluster.nodes as [SimNode, SimNode];
  other.crash();
  other.configured = ONE;
  other.start();
  await lab.wait(15_000);
  for (const node of [one, other]) {
    assert.ok(lab.logged(node, /ends: .* refuses this node: its quorum.n is/).length > 0);
    assert.notEqual(node.node?.state, 'up');
  }
});

for (const disk of ['a new node', 'a member on an empty disk'] as const) {
  test(`${disk} is refused if its n is another one, and ends`, async () => {
    const lab = new Lab(3);
    await lab.born();
    const [, member] = lab.cluster.nodes as [SimNode, SimNode];
    const node = disk === 'a new node' ? lab.cluster.add() : member;
    node.crash();
    node.disk.replace(new Map());
    node.configured = ONE;
    node.start();
    await lab.until(() => node.node !== undefined);
    for (let i = 0; i < 12; i++) {
      if (node.node !== undefined) await assert.rejects(node.node.put('k', Buffer.from('v')));
      await lab.wait(1_000);
    }
    const refusals = lab.logged(node, /ends: .* refuses this node: its quorum.n is 1.* 3/);
    assert.ok(refusals.length > 0);
  });
}
