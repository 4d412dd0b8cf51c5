/**
 * Tests of the log of a node with a fault. It reports the fault, and not each request that meets
 * it.
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
