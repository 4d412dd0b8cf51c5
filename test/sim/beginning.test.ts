/** Tests of how clusters begin: together, without a missing node, or not at all. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { BEGIN_WAIT_MS } from '../../src/cluster/limits.ts';
import type { SimNode } from '../../src/sim/cluster.ts';
import { Lab, textOf } from '../fixtures/lab.ts';

const WITHOUT = /beginning without them/;
/** A little more than the time in which two nodes of a new cluster agree. */
const SOON_MS = 3_000;

test('new nodes that find all others begin at once', async () => {
  const lab = new Lab(3);
  await lab.wait(SOON_MS);
  for (const node of lab.cluster.nodes) {
    assert.equal((await lab.ask(node, 'PUT', node.name, { value: 'v' })).status, 200);
    assert.deepEqual(lab.logged(node, WITHOUT), []);
  }
});

test('a majority of new nodes waits ten seconds for the others, then begins and logs it', async () => {
  const lab = new Lab(3);
  const [one, other, alone] = lab.cluster.nodes as [SimNode, SimNode, SimNode];
  for (const node of [one, other]) lab.cut(node, alone);
  await lab.wait(BEGIN_WAIT_MS - 500);
  assert.equal((await lab.ask(other, 'PUT', 'k', { value: 'v' })).status, 503);
  assert.deepEqual(lab.logged(one, WITHOUT), []);
  await lab.wait(500 + SOON_MS);
  assert.equal((await lab.ask(other, 'PUT', 'k', { value: 'v' })).status, 200);
  assert.equal([one, other].flatMap((node) => lab.logged(node, WITHOUT)).length, 1);
  await lab.wait(BEGIN_WAIT_MS);
  assert.equal((await lab.ask(alone, 'PUT', 'k', { value: 'v' })).status, 503);
  assert.ok(lab.logged(alone, /waiting for a majority/).length > 0);
  lab.heal();
  await lab.rest();
  assert.equal(textOf(await lab.ask(alone, 'GET', 'k')), 'v');
});

test('a node that has lost its disk while all others are down begins no cluster', async () => {
  const lab = new Lab(3);
  await lab.born();
  const [wiped] = lab.cluster.nodes as [SimNode, SimNode, SimNode];
  for (const node of lab.cluster.nodes) node.crash();
  wiped.disk.replace(new Map());
  wiped.start();
  await lab.wait(2 * BEGIN_WAIT_MS);
  assert.equal((await lab.ask(wiped, 'PUT', 'k', { value: 'v' })).status, 503);
  for (const node of lab.cluster.nodes) node.start();
  await lab.rest();
  assert.equal((await lab.ask(wiped, 'PUT', 'k', { value: 'v' })).status, 200);
});
