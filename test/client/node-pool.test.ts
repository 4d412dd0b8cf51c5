/** The wait of a client before it sends a late read to a second node as well. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  CLIENT_FIRST_HEDGE_MS,
  CLIENT_MAX_HEDGE_MS,
  CLIENT_MIN_HEDGE_MS,
} from '../../src/client/limits.ts';
import { NodePool } from '../../src/client/node-pool.ts';
import { systemWorld } from '../../src/client/world.ts';
import { seededRandom } from '../fixtures/fake-env.ts';

test('the wait is twice the time after which one answer of twenty arrives', () => {
  const random = seededRandom(1);
  const pool = new NodePool('http://127.0.0.1:3000', { ...systemWorld, random });
  const [node] = pool.nodes;
  assert.ok(node !== undefined);
  assert.equal(pool.hedgeMs, CLIENT_FIRST_HEDGE_MS);
  // Most answers take some milliseconds, and a few take long.
  for (const unitMs of [1, 3, 0.5]) {
    let [late, answers] = [0, 0];
    for (let i = 0; i < 5_000; i++) {
      const ms = -10 * unitMs * Math.log(1 - random.uint32() / 2 ** 32);
      if (i >= 1_000) {
        answers += 1;
        if (2 * ms > pool.hedgeMs) late += 1;
      }
      pool.noteAnswer(node, ms);
    }
    assert.ok(late / answers > 0.02 && late / answers < 0.08, `${late} of ${answers}, ${unitMs}`);
  }
  for (let i = 0; i < 1_000; i++) pool.noteAnswer(node, 0);
  assert.equal(pool.hedgeMs, CLIENT_MIN_HEDGE_MS);
  for (let i = 0; i < 100; i++) pool.noteAnswer(node, 10_000);
  assert.equal(pool.hedgeMs, CLIENT_MAX_HEDGE_MS);
});
