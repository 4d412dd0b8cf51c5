/** What a node answers that has lost its disk and does not know yet who belongs to its cluster. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { SimNode } from '../../src/sim/cluster.ts';
import { listKeys, Refused } from '../../src/sim/http.ts';
import { Lab } from '../fixtures/lab.ts';

test('a listing fails where no member is known, rather than say that there are no keys', async () => {
  const lab = new Lab(3, { config: { quorum: { n: 3, r: 'all', w: 'one', timeoutMs: 3_000 } } });
  await lab.born();
  const [wiped, ...others] = lab.cluster.nodes as [SimNode, SimNode, SimNode];
  assert.equal((await lab.ask(wiped, 'PUT', 'k', { value: 'v' })).status, 200);
  wiped.crash();
  wiped.disk.replace(new Map());
  for (const other of others) lab.cut(wiped, other);
  wiped.start();
  await lab.until(() => wiped.node !== undefined);
  let outcome: unknown;
  listKeys(wiped, '').then(
    ({ keys }) => (outcome = keys),
    (error: unknown) => (outcome = error),
  );
  await lab.until(() => outcome !== undefined);
  assert.ok(outcome instanceof Refused, `it lists ${JSON.stringify(outcome)}`);
  assert.equal(outcome.code, 'quorum-not-met');
});
