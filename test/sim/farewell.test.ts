/**
 * Tests of nodes that have left: such a node stays until others know it, or they would count on it.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { SimNode } from '../../src/sim/cluster.ts';
import { Lab, stateAt, textOf } from '../fixtures/lab.ts';

const NODES = 5;
/** Longer than a node that is gone waits for the slower half. */
const LONG_MS = 20_000;

interface Parting {
  readonly lab: Lab;
  readonly node: SimNode;
  readonly others: readonly SimNode[];
}

/** Makes a cluster with a node that has just left and is cut off from some of the others. */
async function leaving(isCut: (other: number) => boolean): Promise<Parting> {
  const lab = new Lab(NODES);
  await lab.born();
  const others = lab.cluster.nodes.slice(0, -1);
  const node = lab.cluster.nodes[NODES - 1] as SimNode;
  node.node?.leave();
  await lab.until(() => node.node?.state === 'gone', LONG_MS);
  for (const [i, other] of others.entries()) if (isCut(i)) lab.cut(node, other);
  return { lab, node, others };
}

test('a node that has left and is cut off stays until it can tell another member', async () => {
  const { lab, node, others } = await leaving(() => true);
  await lab.wait(LONG_MS);
  assert.deepEqual(new Set(others.map((other) => stateAt(other, node))), new Set(['leaving']));
  assert.ok(!node.hasLeft, 'no other member knows');
  assert.equal(lab.logged(node, /few members know/).length, 1, 'it says why');
  lab.heal();
  await lab.until(() => node.hasLeft, LONG_MS);
  assert.ok(node.hasLeft);
  await lab.rest();
});

test('a node that has left and is killed tells the others after its next start', async () => {
  const { lab, node } = await leaving(() => true);
  await lab.wait(1_000);
  node.crash();
  lab.heal();
  node.start();
  await lab.until(() => node.hasLeft, LONG_MS);
  assert.ok(node.hasLeft);
  await lab.rest();
});

test('a node that has left waits for two members, and after some seconds for one', async () => {
  const { lab, node, others } = await leaving((other) => other > 0);
  await lab.wait(5_000);
  assert.equal(stateAt(others[0] as SimNode, node), 'gone');
  assert.ok(!node.hasLeft, 'the one might burn before it has told the others');
  await lab.until(() => node.hasLeft, LONG_MS);
  assert.ok(node.hasLeft);
  lab.heal();
  await lab.rest();
});

test('a node that has left acknowledges no write on its own disk', async () => {
  const { lab, node } = await leaving(() => true);
  // After this time the node knows that it can reach no owner.
  await lab.wait(8_000);
  const answer = await lab.ask(node, 'PUT', 'k', { value: 'v', query: 'w=1' });
  assert.equal(answer.status, 503, textOf(answer));
  assert.deepEqual(lab.held(node, 'k'), []);
  lab.heal();
  await lab.until(() => node.hasLeft, LONG_MS);
});

test('a node that has left stores nothing for a coordinator that does not know', async () => {
  const lab = new Lab(NODES);
  await lab.born();
  const node = lab.cluster.nodes[NODES - 1] as SimNode;
  const key = Array.from({ length: 100 }, (_, i) => `k${i}`).find((one) =>
    node.owns(one),
  ) as string;
  const coordinator = lab.order(key).find((other) => other !== node) as SimNode;
  node.node?.leave();
  await lab.until(() => node.node?.state === 'gone', LONG_MS);
  // Requests still reach the node, but its messages are lost.
  for (const other of lab.cluster.nodes) lab.network.cuts.add(`${node.name}>${other.name}`);
  assert.equal(stateAt(coordinator, node), 'leaving');
  const answer = await lab.ask(coordinator, 'PUT', key, { value: 'v', query: 'w=1' });
  assert.equal(answer.status, 200, textOf(answer));
  await lab.wait(500);
  assert.deepEqual(lab.held(node, key), []);
  lab.heal();
  await lab.until(() => node.hasLeft, LONG_MS);
  await lab.rest();
});
