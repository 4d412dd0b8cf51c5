/** A test of three nodes of which two are down. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { SimNode } from '../../src/sim/cluster.ts';
import { Lab } from '../fixtures/lab.ts';

/** More than the silence after which a node is unreachable. */
const NOTICED_MS = 6_000;

test('of three nodes one serves only requests for one replica, until a second is back', async () => {
  const lab = new Lab(3);
  await lab.born();
  const [last, second, third] = lab.cluster.nodes as [SimNode, SimNode, SimNode];
  assert.equal((await lab.ask(last, 'PUT', 'k', { value: 'v' })).status, 200);
  let writes = 0;
  /** The statuses of a write and of a read with these quorums. */
  const ask = async (w: string, r: string): Promise<number[]> => {
    writes += 1;
    const put = await lab.ask(last, 'PUT', `k${writes}`, { value: 'v', query: w });
    return [put.status, (await lab.ask(last, 'GET', 'k', { query: r })).status];
  };
  third.crash();
  await lab.wait(NOTICED_MS);
  assert.deepEqual(await ask('', ''), [200, 200]);
  second.crash();
  await lab.wait(NOTICED_MS);
  assert.deepEqual(await ask('', ''), [503, 503]);
  assert.deepEqual(await ask('w=1', 'r=1'), [200, 200]);
  second.start();
  await lab.wait(NOTICED_MS);
  assert.deepEqual(await ask('', ''), [200, 200]);
});
