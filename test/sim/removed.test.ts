/** Tests of a node that was declared gone and comes back: it hands its writes over, and ends. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { SimNode } from '../../src/sim/cluster.ts';
import { isGapClosed, withGap } from '../fixtures/gap.ts';
import { Lab, stateAt, textOf } from '../fixtures/lab.ts';

const NODES = 8;
const KEYS = 100;
/** Under this seed, the end took 12.5 s with one comparison a second. */
const SEED = 6;
/** Time for a start, two rounds of comparisons with all others, and one round of questions. */
const MAX_END_MS = 4_000;

/** Shorter than the simulated disk needs to drop a replica. */
const LOOK_MS = 1;

/** Makes a cluster with keys, and a node that is down and was declared gone. */
async function removed(): Promise<{ lab: Lab; node: SimNode; others: SimNode[] }> {
  const lab = new Lab(NODES, { seed: SEED });
  await lab.born();
  const others = lab.cluster.nodes.slice(0, -1);
  for (let i = 0; i < KEYS; i++)
    await lab.ask(others[i % others.length] as SimNode, 'PUT', `k${i}`, { value: 'v' });
  await lab.rest();
  const node = lab.cluster.nodes[NODES - 1] as SimNode;
  return { lab, node, others };
}

async function declareGone(lab: Lab, node: SimNode, by: SimNode | undefined): Promise<void> {
  node.crash();
  await lab.wait(6_000);
  by?.node?.remove(node.name);
  await lab.wait(20_000);
}

test('a removed node with nothing new shows its progress, and ends within seconds', async () => {
  const { lab, node, others } = await removed();
  await declareGone(lab, node, others[0]);
  for (let i = 0; i < KEYS; i++)
    await lab.ask(others[i % others.length] as SimNode, 'PUT', `k${i}`, { value: 'w' });
  node.start();
  const startMs = lab.world.nowMs;
  const told: { done: number; all: number }[] = [];
  while (!node.hasLeft && lab.world.nowMs - startMs < 60_000) {
    await lab.wait(LOOK_MS);
    const handoff = node.node?.status().handoff;
    if (handoff !== undefined && handoff.all > 0) told.push(handoff);
  }
  const tookMs = lab.world.nowMs - startMs;
  assert.ok(node.hasLeft && tookMs <= MAX_END_MS, `${tookMs} ms`);
  assert.ok(told.length > 3, 'its progress is told');
  for (const [i, { done, all }] of told.entries()) {
    assert.equal(all, told[0]?.all);
    assert.ok(done >= (told[i - 1]?.done ?? 0), 'and only grows');
  }
  assert.ok((told.at(-1)?.done ?? 0) > 0);
});

test('a removed node hands over the writes that only it has before it ends', async () => {
  const { lab, node, others } = await removed();
  for (const other of others) lab.cut(node, other);
  await lab.wait(6_000);
  for (let i = 0; i < 20; i++) {
    const written = await lab.ask(node, 'PUT', `alone${i}`, { value: `${i}`, query: 'w=1' });
    assert.equal(written.status, 200, textOf(written));
  }
  await declareGone(lab, node, others[0]);
  lab.heal();
  node.start();
  await lab.until(() => node.hasLeft, 60_000);
  assert.ok(node.hasLeft);
  for (let i = 0; i < 20; i++)
    assert.equal(textOf(await lab.ask(others[0] as SimNode, 'GET', `alone${i}`)), `${i}`);
});

test('a removed node hands its writes over after the others have closed a gap in them', async () => {
  const gap = await withGap();
  const { lab, cutOff, others, seen, alone } = gap;
  await lab.wait(8_000);
  others[0]?.node?.remove(cutOff.name);
  await lab.until(() => others.every((other) => stateAt(other, cutOff) === 'gone'));
  await lab.wait(30_000);
  assert.ok(isGapClosed(gap));
  lab.heal();
  await lab.until(() => cutOff.hasLeft, 60_000);
  for (const key of [seen, alone])
    assert.equal(textOf(await lab.ask(others[0] as SimNode, 'GET', key)), 'v');
});

test('two new nodes may take names that were declared gone, even if they meet each other first', async () => {
  const lab = new Lab(4);
  await lab.born();
  const [one, other, ...rest] = lab.cluster.nodes as [SimNode, SimNode, ...SimNode[]];
  for (const node of [one, other]) node.crash();
  await lab.wait(6_000);
  for (const node of [one, other]) rest[0]?.node?.remove(node.name);
  await lab.wait(5_000);
  for (const node of rest) node.crash();
  for (const node of [one, other]) {
    node.disk.replace(new Map());
    node.start();
  }
  // Both have the same list, and neither knows that its name was taken before.
  await lab.wait(2_000);
  for (const node of rest) node.start();
  await lab.until(
    () => [one, other].every(({ node, hasLeft }) => hasLeft || node?.state === 'up'),
    60_000,
  );
  assert.deepEqual([one.node?.state, other.node?.state], ['up', 'up']);
});
