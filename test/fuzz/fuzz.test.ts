/** Wrong and damaged frames and replies, against three real nodes. `npm run fuzz` sends others. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { fuzz } from './run.ts';

test('300 000 wrong and damaged frames harm no node', async (t) => {
  const { faults, garbage, replies, ...figures } = await fuzz(t, { seed: 14, frames: 300_000 });
  t.diagnostic(JSON.stringify(figures));
  assert.deepEqual(faults, []);
  if (process.platform === 'linux') assert.ok(figures.pings > 0, 'no ping was answered');
  for (const kind of ['compared', 'page', 'snapshot-page', 'stated'])
    assert.ok(replies.has(kind), `${kind} among ${[...replies.keys()].join()}`);
  assert.ok(garbage > 100_000, `${garbage} dropped`);
});
