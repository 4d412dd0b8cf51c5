/**
 * Tests of the log of a node: it reports a fault, and not each request that meets it, and tells a
 * leave from a failure.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { SimNode } from '../../src/sim/cluster.ts';
import { Lab } from '../fixtures/lab.ts';

test('a node with a full disk logs one line a second, even if more reads meet it', async () => {
  const lab = new Lab(3);
  await lab.born();
  const [node] = lab.order('k') as [SimNode];
  node.disk.isFull = true;
  await lab.ask(node, 'PUT', 'k', { value: 'v' });
  const linesBefore = lab.logged(node, /error own replica not read/).length;
  const startMs = lab.world.nowMs;
  const reads = 300;
  for (let i = 0; i < reads; i++) {
    assert.equal((await lab.ask(node, 'GET', `k${i % 50}`)).status, 404);
    await lab.wait(20);
  }
  await lab.wait(3_000);
  const seconds = (lab.world.nowMs - startMs) / 1000;
  const lines = lab.logged(node, /error own replica not read/).slice(linesBefore);
  const told = lines
    .map((line) => Number(/"repeated":(\d+)/.exec(line)?.[1] ?? 1))
    .reduce((a, b) => a + b, 0);
  assert.ok(told > reads / 3, `${told} of ${reads} reads met it`);
  assert.ok(
    lines.length > 0 && lines.length <= seconds + 1,
    `${lines.length} lines in ${seconds} s`,
  );
});

/** The levels and events about a member in the log of another node, with the times left out. */
const saidOf = (lab: Lab, node: SimNode, name: string): string[] =>
  lab
    .logged(node, new RegExp(`(info|warn|error) node .*"${name}"`))
    .map((line) => /(info|warn|error) [a-z ]+/.exec(line)?.[0].trim() ?? '');

test('an orderly leave is logged as a leave by the other nodes', async () => {
  const lab = new Lab(4);
  await lab.born();
  const [first, , , last] = lab.cluster.nodes as [SimNode, SimNode, SimNode, SimNode];
  last.node?.leave();
  await lab.until(() => last.hasLeft, 60_000);
  // Longer than it takes until a silent node is unreachable.
  await lab.wait(20_000);
  assert.deepEqual(saidOf(lab, first, last.name), [
    'info node reachable',
    'info node is leaving',
    'info node has left',
  ]);
});

test('a crash and a forced leave are logged as such by the other nodes', async () => {
  const lab = new Lab(4);
  await lab.born();
  const [first, , , last] = lab.cluster.nodes as [SimNode, SimNode, SimNode, SimNode];
  last.crash();
  await lab.wait(20_000);
  first.node?.remove(last.name);
  await lab.wait(20_000);
  assert.deepEqual(saidOf(lab, first, last.name), [
    'info node reachable',
    'warn node suspect',
    'warn node unreachable',
    'info node is gone',
  ]);
});
