/** Tests of a node that asks other members for a key whose record is damaged. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { SimNode } from '../../src/sim/cluster.ts';
import { Lab, textOf } from '../fixtures/lab.ts';

test('a damaged key is not given up if its value moves between two answers', async () => {
  const lab = new Lab(4, { limits: { intervalMs: 200 } });
  await lab.born();
  const [a, b, c] = lab.order('k') as [SimNode, SimNode, SimNode];
  lab.cut(c, a);
  lab.cut(c, b);
  assert.equal((await lab.ask(a, 'PUT', 'k', { value: 'acknowledged' })).status, 200);
  await lab.wait(10);
  // A cannot read the key any more. C has no such write, and answers. The question to B is late.
  a.disk.rot('k');
  assert.deepEqual(lab.held(a, 'k'), [], 'the read finds the damage');
  const resume = lab.network.stall(`${a.name}>${b.name}`);
  lab.heal();
  lab.cut(c, b);
  let hasAsked = false;
  lab.whenSent(
    a,
    ({ kind }) => kind === 'mend',
    () => (hasAsked = true),
  );
  await lab.until(() => hasAsked);
  assert.ok(hasAsked, 'it asks');
  await lab.wait(50);
  assert.deepEqual(
    [a, b, c].map((node) => lab.held(node, 'k')),
    [[], ['acknowledged'], []],
  );
  // Now C gets the write from B, and B loses it.
  lab.heal();
  await lab.until(() => lab.held(c, 'k').length > 0);
  lab.cut(c, b);
  b.disk.wound(['k']);
  await lab.until(() => (b.node?.status().store.damage?.wounded ?? 0) > 0);
  assert.deepEqual(lab.held(b, 'k'), []);
  resume();
  await lab.until(() => a.node?.status().store.damage?.marks === 0);
  assert.equal(textOf(await lab.ask(a, 'GET', 'k')), 'acknowledged');
  lab.heal();
  await lab.rest();
  for (const node of [a, b, c]) {
    assert.deepEqual(lab.held(node, 'k'), ['acknowledged'], `at ${node.name}`);
  }
});
