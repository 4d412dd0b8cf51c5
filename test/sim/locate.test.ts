/** Tests of the location of a key: its owners and fallbacks, with the answer of each. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { SimNode } from '../../src/sim/cluster.ts';
import type { KeyLocation } from '../../src/cluster/coordinator/explain.ts';
import { Lab } from '../fixtures/lab.ts';

async function locate(lab: Lab, node: SimNode, key: string): Promise<KeyLocation> {
  let location: KeyLocation | undefined;
  void node.node?.locate(key).then((found) => (location = found));
  await lab.until(() => location !== undefined);
  assert.ok(location !== undefined, 'no answer');
  return location;
}

test('locate names three owners and a fallback, with their versions of the key', async () => {
  const lab = new Lab(4);
  await lab.born();
  const [first, second, third, fourth] = lab.order('k') as [SimNode, SimNode, SimNode, SimNode];
  await lab.ask(first, 'PUT', 'k', { value: 'v' });
  await lab.rest();
  const { entries } = await locate(lab, fourth, 'k');
  assert.deepEqual(
    entries.map(({ node, role }) => `${role} ${node}`),
    [
      `owner ${first.name}`,
      `owner ${second.name}`,
      `owner ${third.name}`,
      `fallback ${fourth.name}`,
    ],
  );
  const actor = entries[0]?.says?.actor ?? '';
  assert.equal(actor.split('~')[0], first.name);
  for (const { node, says, reach } of entries) {
    assert.equal(reach, node === fourth.name ? 'itself' : 'reachable');
    assert.deepEqual(says?.versions, node === fourth.name ? [] : [{ actor, counter: 1 }]);
  }
});

test('locate has no answer for a node that is cut off', async () => {
  const lab = new Lab(4);
  await lab.born();
  const [first, second] = lab.order('k') as [SimNode, SimNode];
  await lab.ask(first, 'PUT', 'k', { value: 'v' });
  await lab.rest();
  lab.cut(first, second);
  const { entries } = await locate(lab, first, 'k');
  assert.deepEqual(
    entries.map(({ says }) => says?.versions.length),
    [1, undefined, 1, 0],
  );
});
