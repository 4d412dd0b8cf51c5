/**
 * Tests of nodes that leave while they hold writes as fallbacks. Such a node stays a member until
 * the owners have these writes. Otherwise a gap could be closed without it, and the writes be lost.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { SimNode } from '../../src/sim/cluster.ts';
import { Lab, neighbours, textOf } from '../fixtures/lab.ts';

const NODES = 7;
/** Longer than it takes until a peer is unreachable, and until owners take writes. */
const LONG_MS = 10_000;
/** Longer than any write waits, so that gaps may be closed. */
const GAP_MS = 200_000;
/** The delay of a disk that will lose power before it has written. */
const SLOW_MS = 60_000;

interface Rack {
  readonly lab: Lab;
  readonly owners: readonly SimNode[];
  /** Nodes that are neither owners nor in the rack. */
  readonly others: readonly SimNode[];
  /** Two fallbacks. Only they have the two writes. */
  readonly rack: readonly [SimNode, SimNode];
  readonly keys: readonly [string, string];
  /** The token of the second write. */
  readonly token: string;
}

/** Cuts or mends the network between each of these nodes and each of those. */
function each(lab: Lab, act: 'cut' | 'mend', ends: readonly (readonly SimNode[])[]): void {
  const [from = [], to = []] = ends;
  for (const one of from) for (const other of to) lab[act](one, other);
}

/** Makes a cluster with a rack that is cut off, and has taken writes with the usual quorums. */
async function cutOff(): Promise<Rack> {
  const lab = new Lab(NODES);
  await lab.born();
  const keys = neighbours(2) as [string, string];
  const order = lab.order(keys[0]);
  const [owners, others] = [order.slice(0, 3), order.slice(3, 5)];
  const rack = order.slice(5) as [SimNode, SimNode];
  each(lab, 'cut', [rack, [...owners, ...others]]);
  await lab.wait(LONG_MS);
  const [one, two] = [
    await lab.ask(rack[0], 'PUT', keys[0], { value: 'precious' }),
    await lab.ask(rack[0], 'PUT', keys[1], { value: 'x' }),
  ];
  assert.deepEqual([one.status, two.status], [200, 200], textOf(one));
  const token = String(two.headers['X-Mec-Vclock']);
  return { lab, owners, others, rack, keys, token };
}

test('a write that only nodes have that leave is not lost if they are cut off', async () => {
  const { lab, owners, others, rack, keys, token } = await cutOff();
  for (const { node } of rack) node?.leave();
  // All others become ready for the leave, before the rack reaches the owners.
  for (const leaver of rack) {
    each(lab, 'mend', [rack, others]);
    await lab.wait(LONG_MS);
    for (const { disk } of owners) disk.delayMs = SLOW_MS;
    each(lab, 'mend', [[leaver], owners]);
    await lab.wait(2 * LONG_MS);
    assert.equal(leaver.node?.state, 'leaving');
    each(lab, 'cut', [rack, [...owners, ...others]]);
    await lab.wait(1_000);
    for (const node of owners) {
      node.crash();
      node.disk.delayMs = 1;
      node.start();
    }
    await lab.wait(LONG_MS);
  }
  // A write that replaces the second one names the dots of both, and the owners lack the first.
  const [owner] = owners as [SimNode];
  const headers = { 'x-mec-vclock': token };
  const again = await lab.ask(owner, 'PUT', keys[1], { value: 'y', headers });
  assert.equal(again.status, 200, textOf(again));
  await lab.wait(GAP_MS);
  lab.heal();
  await lab.until(() => rack.every(({ hasLeft }) => hasLeft), 6 * LONG_MS);
  assert.equal(textOf(await lab.ask(owner, 'GET', keys[0])), 'precious');
  assert.deepEqual(
    rack.map(({ hasLeft }) => hasLeft),
    [true, true],
  );
});

test('a node that leaves names the owner that must take what it holds as a fallback', async () => {
  const { lab, owners, others, rack } = await cutOff();
  const [leaver] = rack;
  const [slow] = owners as [SimNode];
  leaver.node?.leave();
  // All others become ready for the leave, before the rack reaches the owners.
  each(lab, 'mend', [rack, others]);
  await lab.wait(LONG_MS);
  slow.disk.delayMs = SLOW_MS;
  lab.heal();
  await lab.wait(LONG_MS);
  const wait = leaver.node?.status().handoff.waitsFor;
  assert.equal(leaver.node?.state, 'leaving');
  assert.deepEqual(wait, { reason: 'holds-writes', members: [slow.name] });
  assert.match(
    lab.logged(leaver, /info waiting to leave/).at(-1) ?? '',
    new RegExp(`holds-writes.*${slow.name}`),
  );
  slow.disk.delayMs = 1;
  await lab.until(() => leaver.hasLeft, 3 * SLOW_MS);
  assert.ok(leaver.hasLeft);
  await lab.rest();
});
