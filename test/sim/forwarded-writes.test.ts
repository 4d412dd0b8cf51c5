/** Tests of forwarded writes: each is made once, even if the owner fails. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { SimNode } from '../../src/sim/cluster.ts';
import { Lab, textOf } from '../fixtures/lab.ts';

const KEY = 'k1';

test('a write that meets an unreadable disk becomes one version', async () => {
  const lab = new Lab(5);
  await lab.born();
  const nodes = lab.order(KEY) as [SimNode, SimNode, SimNode, SimNode, SimNode];
  const [, , damaged, , other] = nodes;
  assert.equal((await lab.ask(other, 'PUT', KEY, { value: 'first' })).status, 200);
  damaged.disk.unreadable.push({ first: '', last: '\uffff' });
  const answer = await lab.ask(other, 'PUT', KEY, { value: 'second', query: 'w=all' });
  assert.equal(answer.status, 503, textOf(answer));
  await lab.rest();
  for (const node of nodes.slice(0, 3))
    assert.deepEqual(lab.held(node, KEY).sort(), ['first', 'second'], node.name);
});
