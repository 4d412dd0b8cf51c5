/** Tests of listings while some owners cannot be asked. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { SimNode } from '../../src/sim/cluster.ts';
import { listKeys } from '../../src/sim/http.ts';
import { Lab, settled } from '../fixtures/lab.ts';

test('a listing that reads a key does not count a fallback', async () => {
  const lab = new Lab(5);
  await lab.born();
  const [first, lagging, third, lister] = lab.order('k') as [SimNode, SimNode, SimNode, SimNode];
  const reachOf = ({ name }: SimNode): string | undefined =>
    lister.node?.status().peers.find(({ node }) => node === name)?.reach;
  // The second owner misses the write before any probe shows that it cannot be reached.
  lab.cut(lagging, first);
  lab.cut(lagging, third);
  assert.equal((await lab.ask(first, 'PUT', 'k', { value: 'v' })).status, 200);
  first.crash();
  await lab.until(() => reachOf(first) === 'unreachable');
  lab.cut(lister, third);
  await lab.until(() => reachOf(third) === 'suspect');
  // The owner answers again, and no probe has shown that yet.
  lab.mend(lister, third);
  assert.deepEqual(lab.held(lagging, 'k'), [], 'it has caught up with no other owner');
  assert.deepEqual((await settled(lab, listKeys(lister, ''))).keys, ['k']);
  assert.deepEqual([reachOf(first), reachOf(third)], ['unreachable', 'suspect']);
});
