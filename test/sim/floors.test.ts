/** Tests of a node that is restarted many times: its messages stay small, and no effect is lost. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { SimCluster, type SimNode } from '../../src/sim/cluster.ts';
import { readKey, writeKey } from '../../src/sim/http.ts';
import { World } from '../../src/sim/world.ts';

const LONG_MS = 60_000;
const LIFE_MS = 4_000;
/**
 * The restarts after which a write is measured. For a while after each, the last dead actor is in
 * messages, because it is not on the floor yet.
 */
const MEASURED = [3, 4, 5, 28, 29, 30];

async function settled<T>(world: World, promise: Promise<T>): Promise<T> {
  let isOver = false;
  const done = promise.finally(() => (isOver = true));
  done.catch(() => {});
  await world.run(world.nowMs + LONG_MS, () => isOver);
  return done;
}

test('a write sends as many bytes after thirty restarts as after five', async () => {
  const world = new World(11);
  const cluster = new SimCluster(world, { count: 3 });
  const [first, second, victim] = cluster.nodes as [SimNode, SimNode, SimNode];
  for (const node of cluster.nodes) node.start();
  const rest = (): Promise<void> => world.run(world.nowMs + LONG_MS, () => cluster.isAtRest());
  const bytesSent = (): number =>
    [...cluster.network.bytesTo.values()].reduce((sum, bytes) => sum + bytes, 0);
  const write = async (node: SimNode, value: string): Promise<void> => {
    const { token } = await settled(world, readKey(node, 'k'));
    await settled(world, writeKey(node, 'k', { value, token }));
  };
  const costOfWrite = async (): Promise<number> => {
    await rest();
    // Probes and comparisons come between some of the writes, but not between all.
    let least = Infinity;
    for (let i = 0; i < 10; i++) {
      const before = bytesSent();
      await write(first, `${i}`);
      least = Math.min(least, bytesSent() - before);
    }
    return least;
  };
  await world.run(30_000, () => cluster.isAtRest());
  const costs: number[] = [];
  for (let restart = 1; restart <= 30; restart++) {
    victim.crash();
    victim.start();
    await world.run(world.nowMs + LONG_MS, () => victim.node?.status().isReady === true);
    await write(victim, `life ${restart}`);
    await world.run(world.nowMs + LIFE_MS);
    if (MEASURED.includes(restart)) costs.push(await costOfWrite());
  }
  const early = Math.min(...costs.slice(0, MEASURED.length / 2));
  const late = Math.min(...costs.slice(MEASURED.length / 2));
  assert.ok(late < early * 1.1, `${early} B, then ${late} B`);
  await rest();
  const floors = cluster.nodes.map(({ node }) => node?.peek('k').context.floor);
  assert.ok((floors[0]?.size ?? 0) >= 29, 'the dead actors are on the floor');
  for (const floor of floors) assert.equal(floor?.hash, floors[0]?.hash);

  second.crash();
  second.disk.replace(new Map());
  second.start();
  await rest();
  for (const node of cluster.nodes) {
    const { siblings } = await settled(world, readKey(node, 'k'));
    assert.deepEqual(
      siblings.map(({ text }) => text),
      ['9'],
    );
  }
  assert.equal(
    second.node?.peek('k').context.equals(first.node?.peek('k').context ?? assert.fail()),
    true,
  );
});
