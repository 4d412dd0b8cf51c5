/** Tests of a read in progress at a node that goes down and comes back at once. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { utf8ToBytes } from '../../src/base/bytes.ts';
import { packContent } from '../../src/core/value/content.ts';
import { SimCluster, type SimNode } from '../../src/sim/cluster.ts';
import { World } from '../../src/sim/world.ts';

const LONG_MS = 60_000;

/** Runs the world until a promise has settled. Returns its value. */
async function outcomeOf(world: World, promise: Promise<unknown> | undefined): Promise<unknown> {
  let outcome: unknown;
  promise?.then(
    () => (outcome = 'done'),
    (error: unknown) => (outcome = error),
  );
  await world.run(world.nowMs + LONG_MS, () => outcome !== undefined);
  return outcome;
}

test('a read is sent again to a peer that has restarted', async () => {
  const world = new World(7);
  const cluster = new SimCluster(world, { count: 3 });
  for (const node of cluster.nodes) node.start();
  await world.run(world.nowMs + LONG_MS, () => cluster.isAtRest());
  const [asker, restarted, hung] = cluster.nodes as [SimNode, SimNode, SimNode];
  const body = packContent({
    value: utf8ToBytes('v'),
    contentType: 'text/plain',
    timestampMicros: 0,
  });
  assert.equal(await outcomeOf(world, asker.node?.put('k', body, { w: 3 })), 'done');
  hung.life?.pause();
  restarted.crash();
  const read = asker.node?.get('k', { r: 2 });
  const beganMs = world.nowMs;
  // Both were asked before any node could notice that neither answers.
  await world.run(world.nowMs + 1_000);
  restarted.start();
  assert.equal(await outcomeOf(world, read), 'done');
  assert.ok(world.nowMs - beganMs < 4_000, `${world.nowMs - beganMs} ms`);
});
