/**
 * Tests of joining and of failure detection in virtual time, for events that are too fast or too
 * rare with real processes.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { utf8ToBytes } from '../../src/base/bytes.ts';
import { SYNC_LIMITS, type SyncLimits } from '../../src/cluster/limits.ts';
import { packContent } from '../../src/core/value/content.ts';
import type { MemberStatus, NodeStatus } from '../../src/cluster/status.ts';
import { SimCluster, type SimNode } from '../../src/sim/cluster.ts';
import { World } from '../../src/sim/world.ts';

const LONG_MS = 60_000;
const STEP_MS = 25;

interface Box {
  readonly world: World;
  readonly cluster: SimCluster;
}

async function bornCluster(count: number, limits?: SyncLimits): Promise<Box> {
  const world = new World(count);
  const cluster = new SimCluster(world, { count, ...(limits !== undefined && { limits }) });
  for (const node of cluster.nodes) node.start();
  await until({ world, cluster }, 'the cluster is born', () => cluster.isAtRest());
  return { world, cluster };
}

/** Lets time pass in small steps, so that the condition is not checked too often. */
async function until({ world }: Box, what: string, isSo: () => boolean): Promise<number> {
  const beganMs = world.nowMs;
  while (!isSo()) {
    assert.ok(world.nowMs - beganMs < LONG_MS, what);
    await world.run(world.nowMs + STEP_MS);
  }
  return world.nowMs - beganMs;
}

async function put({ world }: Box, { node }: SimNode, key: string, bytes = 100): Promise<void> {
  const content = {
    value: utf8ToBytes('x'.repeat(bytes)),
    contentType: 'text/plain',
    timestampMicros: 0,
  };
  let outcome: unknown;
  node?.put(key, packContent(content)).then(
    () => (outcome = 'stored'),
    (error: unknown) => (outcome = error),
  );
  await world.run(world.nowMs + LONG_MS, () => outcome !== undefined);
  assert.equal(outcome, 'stored');
}

const statusOf = ({ node }: SimNode): NodeStatus =>
  node?.status() ?? assert.fail('it does not run');

const ofNode = (seer: SimNode, name: string): MemberStatus | undefined =>
  statusOf(seer).members.find((member) => member.name === name);

const reachOf = (seer: SimNode, name: string): string | undefined =>
  statusOf(seer).peers.find(({ node }) => node === name)?.reach;

test('a joining node takes writes at once, and is up when it has everything', async () => {
  const bytesPerSecond = 2_000;
  const box = await bornCluster(3, { ...SYNC_LIMITS, pendingBytesPerSecond: bytesPerSecond });
  const { world, cluster } = box;
  const first = cluster.nodes[0] as SimNode;
  for (let i = 0; i < 60; i++) await put(box, first, `old-${i}`, 400);
  const newcomer = cluster.add();
  const beganMs = world.nowMs;
  newcomer.start();
  await until(
    box,
    'it is known to be joining',
    () => ofNode(first, newcomer.name)?.state === 'joining',
  );
  await until(
    box,
    'it is a pending owner',
    () => (newcomer.node === undefined ? 0 : statusOf(newcomer).handoff.all) > 0,
  );
  await until(box, 'it is reached', () => reachOf(first, newcomer.name) === 'reachable');
  let taken = 0;
  for (let i = 0; i < 40; i++) {
    await put(box, first, `new-${i}`);
    // Two hops of a millisecond and a disk; the next comparison is far longer away.
    await world.run(world.nowMs + 10);
    assert.equal(newcomer.node?.state, 'joining');
    assert.ok(!newcomer.owns(`new-${i}`), 'it owns nothing yet');
    taken += newcomer.node?.peek(`new-${i}`).versions.length ?? 0;
  }
  assert.ok(
    taken > 20,
    `${taken} of 40 writes were sent to it at once; it is a pending owner of three quarters`,
  );
  let wasUpMs: number | undefined;
  while (wasUpMs === undefined) {
    const { sync, handoff } = statusOf(newcomer);
    if (newcomer.node?.state === 'up') {
      assert.equal(sync.incomplete, 0, 'it is up before it has everything');
      wasUpMs = world.nowMs;
    } else assert.ok(handoff.done <= handoff.all && world.nowMs - beganMs < LONG_MS);
    await world.run(world.nowMs + 1);
  }
  // About three quarters of 60 values of 400 bytes, from the first owner that has them.
  assert.ok(wasUpMs - beganMs > 5_000, `it took ${Math.round(wasUpMs - beganMs)} ms`);
});

test('a dead node is unreachable for all within six seconds, but not one that hangs for a second', async () => {
  const box = await bornCluster(10);
  const { world, cluster } = box;
  const [dead, hung] = [cluster.nodes[3] as SimNode, cluster.nodes[6] as SimNode];
  const others = cluster.nodes.filter((node) => node !== dead);
  const first = cluster.nodes[0] as SimNode;
  const versions = (): string => JSON.stringify(statusOf(first).members);
  await until(box, 'all have settled', () =>
    statusOf(first).members.every(({ settled }) => settled !== 0),
  );
  const before = versions();
  hung.life?.pause();
  await world.run(world.nowMs + 1_000);
  hung.life?.resume();
  await world.run(world.nowMs + 2_000, () =>
    others.some((node) => reachOf(node, hung.name) === 'unreachable'),
  );
  for (const node of others) if (node !== hung) assert.equal(reachOf(node, hung.name), 'reachable');
  assert.equal(versions(), before, 'no node has announced a change of another');
  dead.crash();
  const tookMs = await until(box, 'all see it', () =>
    others.every((node) => reachOf(node, dead.name) === 'unreachable'),
  );
  assert.ok(tookMs < 6_000, `${tookMs} ms`);
  for (const node of others)
    assert.equal(ofNode(node, dead.name)?.state, 'up', 'out of reach is not gone');
});

test('a node that was suspected announces a new version of its record', async () => {
  const box = await bornCluster(4);
  const { world, cluster } = box;
  const lonely = cluster.nodes[1] as SimNode;
  const witness = cluster.nodes[2] as SimNode;
  const before = ofNode(witness, lonely.name)?.version ?? 0;
  for (const { name } of cluster.nodes)
    for (const pair of [`${name}>${lonely.name}`, `${lonely.name}>${name}`])
      cluster.network.cuts.add(pair);
  await world.run(world.nowMs + 2_500);
  cluster.network.cuts.clear();
  await until(
    box,
    'its record has a higher version',
    () => (ofNode(witness, lonely.name)?.version ?? 0) > before,
  );
  await until(box, 'all is as before', () => cluster.isAtRest());
});
