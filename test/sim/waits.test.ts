/** Tests of nodes that wait to leave: they name the members that they wait for, and the reason. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Wait } from '../../src/cluster/membership/wait.ts';
import type { SimNode } from '../../src/sim/cluster.ts';
import { Lab } from '../fixtures/lab.ts';

/** Longer than a wait without a line in the log, and than it takes until a peer is unreachable. */
const LONG_MS = 15_000;

const waitOf = ({ node }: SimNode): Wait | undefined => node?.status().handoff.waitsFor;

test('two nodes that leave at once serve until a third takes over', async () => {
  const lab = new Lab(2);
  await lab.born();
  const [one, other] = lab.cluster.nodes as [SimNode, SimNode];
  assert.equal((await lab.ask(one, 'PUT', 'k', { value: 'v' })).status, 200);
  for (const { node } of [one, other]) node?.leave();
  await lab.wait(LONG_MS);
  for (const node of [one, other]) {
    assert.ok(!node.hasLeft && node.node?.state === 'leaving');
    assert.deepEqual(waitOf(node), { reason: 'no-successor', members: [] });
    assert.equal(lab.logged(node, /warn waiting to leave .*no-successor/).length, 1);
  }
  assert.equal((await lab.ask(other, 'GET', 'k')).status, 200);
  const third = lab.cluster.add();
  third.start();
  await lab.until(() => one.hasLeft && other.hasLeft, 60_000);
  assert.ok(one.hasLeft && other.hasLeft);
  await lab.rest();
  assert.deepEqual(lab.held(third, 'k'), ['v']);
});

test('a node that leaves names the member that takes over and is down', async () => {
  const lab = new Lab(4);
  await lab.born();
  const [down, , , leaving] = lab.cluster.nodes as [SimNode, SimNode, SimNode, SimNode];
  down.crash();
  await lab.wait(LONG_MS);
  leaving.node?.leave();
  await lab.wait(LONG_MS);
  assert.deepEqual(waitOf(leaving), { reason: 'unsettled', members: [down.name] });
  const logged = lab.logged(leaving, /info waiting to leave/);
  assert.equal(logged.length, 1);
  assert.match(logged[0] ?? '', new RegExp(`unsettled.*${down.name}`));
  down.start();
  await lab.until(() => leaving.hasLeft, 60_000);
  assert.ok(leaving.hasLeft);
});

test('a node that leaves names the members that it cannot reach', async () => {
  const lab = new Lab(4);
  await lab.born();
  const [one, two, , leaving] = lab.cluster.nodes as [SimNode, SimNode, SimNode, SimNode];
  for (const node of [one, two]) node.crash();
  await lab.wait(LONG_MS);
  leaving.node?.leave();
  await lab.wait(LONG_MS);
  assert.deepEqual(waitOf(leaving), { reason: 'unreachable', members: [one.name, two.name] });
  for (const node of [one, two]) node.start();
  await lab.until(() => leaving.hasLeft, 60_000);
  assert.ok(leaving.hasLeft);
  assert.equal(waitOf(one), undefined);
});
