/** Tests of nodes whose weight or zone in the configuration changes. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Config } from '../../src/cluster/config.ts';
import type { SimNode } from '../../src/sim/cluster.ts';
import { Lab, textOf } from '../fixtures/lab.ts';

const KEYS = Array.from({ length: 50 }, (_, i) => `k${i}`);

async function withData(): Promise<Lab> {
  const lab = new Lab(6);
  await lab.born();
  for (const key of KEYS) {
    const [owner] = lab.order(key);
    assert.equal((await lab.ask(owner as SimNode, 'PUT', key, { value: key })).status, 200, key);
  }
  await lab.rest();
  return lab;
}

/** Asserts that a node reads the value of every key. */
async function assertReads(lab: Lab, node: SimNode): Promise<void> {
  for (const key of KEYS) {
    const answer = await lab.ask(node, 'GET', key);
    assert.equal(textOf(answer), key, `${key}: ${answer.status}`);
  }
}

const ownersOf = (lab: Lab): string[] =>
  KEYS.map((key) =>
    lab
      .order(key)
      .slice(0, 3)
      .map(({ name }) => name)
      .join(),
  );

for (const [what, configured] of [
  ['weight', { weight: 8 }],
  ['zone', { zone: 'rack-2' }],
] as [string, Partial<Config>][]) {
  for (const disk of ['its disk', 'an empty disk'] as const) {
    test(`a node with another ${what} on ${disk} moves no owner, even if one node is down`, async () => {
      const lab = await withData();
      const before = ownersOf(lab);
      const [reader, , , , down, changed] = lab.cluster.nodes;
      assert.ok(reader !== undefined && down !== undefined && changed !== undefined);
      down.crash();
      await lab.wait(6_000);
      changed.crash();
      if (disk === 'an empty disk') changed.disk.replace(new Map());
      changed.configured = configured;
      changed.start();
      await lab.until(() => changed.node?.state === 'up');
      // Reads fail while two owners of a key cannot answer: one is down, and one starts. With an
      // empty disk, the node cannot fill what the node that is down owns as well: the one owner
      // left may lack an acknowledged write.
      await lab.wait(30_000);
      assert.equal(changed.node?.status().isReady, disk === 'its disk');
      assert.deepEqual(ownersOf(lab), before);
      await assertReads(lab, reader);
      const { weight, zone, configured: ignored } = changed.node?.status() ?? {};
      assert.deepEqual({ weight, zone }, { weight: 1, zone: undefined });
      assert.deepEqual(ignored, { weight: 1, zone: undefined, ...configured });
      assert.equal(lab.logged(changed, /configured weight or zone ignored/).length, 1);
    });
  }
}

test('another weight and zone count when the node has left and joined again', async () => {
  const lab = await withData();
  const [reader, changed] = lab.cluster.nodes as [SimNode, SimNode];
  const owned = changed.node?.status().partitions.owned ?? 0;
  changed.node?.leave();
  await lab.until(() => changed.hasLeft && !changed.isUp, 60_000);
  assert.ok(changed.hasLeft && !changed.isUp);
  await lab.rest();
  changed.hasLeft = false;
  changed.disk.replace(new Map());
  changed.configured = { weight: 4, zone: 'rack-2' };
  changed.start();
  await lab.until(() => changed.node?.state === 'joining');
  assert.equal(changed.node?.state, 'joining');
  await lab.rest();
  const { weight, zone, configured, partitions } = changed.node?.status() ?? {};
  assert.deepEqual(
    { weight, zone, configured },
    { weight: 4, zone: 'rack-2', configured: undefined },
  );
  assert.ok((partitions?.owned ?? 0) > 1.5 * owned, `${partitions?.owned} of ${owned}`);
  await assertReads(lab, reader);
});
