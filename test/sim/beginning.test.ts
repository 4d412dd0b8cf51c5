/** Tests of how clusters begin: together, without a missing node, or apart. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { BEGIN_WAIT_MS } from '../../src/cluster/limits.ts';
import type { SimNode } from '../../src/sim/cluster.ts';
import { Lab, textOf } from '../fixtures/lab.ts';

const WITHOUT = /beginning without them/;
/** A little more than the time in which two nodes of a new cluster agree. */
const SOON_MS = 3_000;

/** Starts two pairs of nodes that name each other, with a cut network between the pairs. */
function twoPairs(): {
  readonly lab: Lab;
  readonly pairs: readonly [SimNode, SimNode][];
} {
  const lab = new Lab(4);
  const [a, b, c, d] = lab.cluster.nodes as [SimNode, SimNode, SimNode, SimNode];
  for (const one of [a, b]) for (const other of [c, d]) lab.cut(one, other);
  const pairs: [SimNode, SimNode][] = [
    [a, b],
    [c, d],
  ];
  return { lab, pairs };
}

test('new nodes that find all others begin at once', async () => {
  const lab = new Lab(3);
  await lab.wait(SOON_MS);
  for (const node of lab.cluster.nodes) {
    assert.equal((await lab.ask(node, 'PUT', node.name, { value: 'v' })).status, 200);
    assert.deepEqual(lab.logged(node, WITHOUT), []);
  }
});

test('new nodes wait ten seconds for missing ones, then begin without them and log it', async () => {
  const { lab, pairs } = twoPairs();
  await lab.wait(BEGIN_WAIT_MS - 500);
  for (const [node] of pairs) {
    assert.equal((await lab.ask(node, 'PUT', 'k', { value: 'v' })).status, 503);
    assert.deepEqual(lab.logged(node, WITHOUT), []);
  }
  await lab.wait(500 + SOON_MS);
  for (const pair of pairs) {
    assert.equal((await lab.ask(pair[1], 'PUT', 'k', { value: 'v' })).status, 200);
    assert.equal(pair.flatMap((node) => lab.logged(node, WITHOUT)).length, 1);
  }
});

test('clusters that began apart become one when they find each other, and lose nothing', async () => {
  const { lab, pairs } = twoPairs();
  await lab.wait(BEGIN_WAIT_MS + SOON_MS);
  for (const [i, [, node]] of pairs.entries()) {
    assert.equal((await lab.ask(node, 'PUT', `of%20${i}`, { value: 'one' })).status, 200);
    assert.equal((await lab.ask(node, 'PUT', 'of%20both', { value: `of ${i}` })).status, 200);
  }
  lab.heal();
  await lab.rest();
  for (const node of lab.cluster.nodes) {
    assert.equal(node.node?.members.length, 4);
    for (const key of ['of%200', 'of%201'])
      assert.equal(textOf(await lab.ask(node, 'GET', key)), 'one', `${key} at ${node.name}`);
    const both = await lab.ask(node, 'GET', 'of%20both');
    assert.equal(both.status, 300);
    for (const value of ['of 0', 'of 1']) assert.ok(textOf(both).includes(value), value);
  }
});
