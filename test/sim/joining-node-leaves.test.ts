/** Tests of nodes that are told to leave while they join. They own nothing, and must stay so. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { SimNode } from '../../src/sim/cluster.ts';
import { beforeJoin, stateAt, textOf } from '../fixtures/lab.ts';

const KEYS = 30;
/** So few bytes a second that the node joins for minutes. */
const SLOW_JOIN = { limits: { pendingBytesPerSecond: 400 } };
const VALUE = 'x'.repeat(400);

test('a node that leaves while it joins becomes no owner, even if an owner is down', async () => {
  const { lab, members, newcomer } = await beforeJoin(3, SLOW_JOIN);
  const [first, , down] = members as [SimNode, SimNode, SimNode];
  const keys = Array.from({ length: KEYS }, (_, i) => `k${i}`);
  for (const key of keys)
    assert.equal((await lab.ask(first, 'PUT', key, { value: VALUE })).status, 200);
  newcomer.start();
  await lab.until(() => stateAt(first, newcomer) === 'joining');
  await lab.wait(2_000);
  down.crash();
  await lab.wait(5_000);
  assert.equal(newcomer.node?.state, 'joining');
  newcomer.node?.leave();
  await lab.until(() => stateAt(first, newcomer) === 'gone');
  assert.equal(lab.logged(newcomer, /left the cluster/).length, 1);
  assert.deepEqual(lab.logged(newcomer, /declared this one gone/), []);
  await lab.wait(60_000);
  for (const key of keys) {
    const read = await lab.ask(first, 'GET', key);
    assert.equal(textOf(read), VALUE);
  }
  down.start();
  await lab.until(() => newcomer.hasLeft, 60_000);
  assert.ok(newcomer.hasLeft);
  await lab.rest();
});

test('a node that has not found its cluster yet cannot leave it', async () => {
  const { lab, members, newcomer } = await beforeJoin(3);
  for (const member of members) lab.cut(newcomer, member);
  newcomer.start();
  await lab.wait(2_000);
  assert.throws(() => newcomer.node?.leave(), { code: 'not-ready' });
  lab.heal();
  await lab.until(() => newcomer.node?.state === 'up', 60_000);
  assert.equal(newcomer.node?.state, 'up');
});
