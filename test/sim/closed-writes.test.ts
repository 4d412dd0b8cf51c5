/** A failed write that is closed must not take an acknowledged value with it. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { bodyInMemory } from '../../src/http/body-in-memory.ts';
import type { SimNode } from '../../src/sim/cluster.ts';
import { partitionOf } from '../../src/core/placement/partition.ts';
import { Lab, type LabRequest, neighbours, textOf } from '../fixtures/lab.ts';

type Nodes = [SimNode, SimNode, SimNode];

/** A partition that a node compares as one of the last. */
const LATE_PARTITION = 250;

/** Two keys of that partition. */
function lateNeighbours(): [string, string] {
  const keys = Array.from({ length: 5_000 }, (_, i) => `k${i}`);
  const [one = '', other = ''] = keys.filter((key) => partitionOf(key) === LATE_PARTITION);
  return [one, other];
}

/** Sends a write that will fail. The result is its status or error, when it has one. */
function putInVain(node: SimNode, key: string, { value = '', headers = {} }: LabRequest) {
  const end = { outcome: '' };
  const request = { method: 'PUT', path: `/mec/${key}`, query: '', headers };
  node.send({ ...request, ...bodyInMemory(Buffer.from(value)) }).then(
    ({ status }) => (end.outcome = String(status)),
    (error: unknown) => (end.outcome = String(error)),
  );
  return end;
}

/** Writes a value with an acknowledgement. Returns the headers of a write that replaces it. */
async function replaceable(lab: Lab, node: SimNode, key: string): Promise<Record<string, string>> {
  const { status, headers } = await lab.ask(node, 'PUT', key, { value: 'acknowledged' });
  assert.equal(status, 200);
  await lab.rest();
  return { 'x-mec-vclock': headers['X-Mec-Vclock'] ?? '' };
}

/** Waits until a node has closed the gap that the failed write has left. */
async function untilClosed(lab: Lab, nodes: Nodes): Promise<void> {
  const isClosed = (): boolean => nodes.some((n) => lab.logged(n, /gap closed/).length > 0);
  await lab.until(isClosed, 200_000);
  assert.ok(isClosed(), 'the gap is closed');
}

function assertAllHold(lab: Lab, nodes: readonly SimNode[], key: string): void {
  for (const node of nodes)
    assert.deepEqual(lab.held(node, key), ['acknowledged'], `at ${node.name}`);
}

for (const hasMuch of [false, true]) {
  const amount = hasMuch ? 'has much to catch up with' : 'is like the others';
  test(`a volume with a closed write is put back, and ${amount}: no value ends`, async () => {
    const lab = new Lab(3, { seed: 5, limits: { lostAfterMs: 10_000 } });
    await lab.born();
    const [key, other] = hasMuch ? lateNeighbours() : (neighbours(2) as [string, string]);
    const nodes = lab.order(key) as Nodes;
    const [a, b, c] = nodes;
    const headers = await replaceable(lab, a, key);
    // The write reaches no other node, and the next one reaches both.
    lab.cut(a, b);
    lab.cut(a, c);
    const failed = putInVain(a, key, { value: 'failed', headers });
    await lab.wait(5);
    lab.heal();
    assert.equal((await lab.ask(a, 'PUT', other, { value: 'next' })).status, 200);
    const saved = new Map(a.disk.rows);
    a.crash();
    a.disk.replace(new Map());
    assert.notEqual(failed.outcome, '200');
    a.start();
    await untilClosed(lab, nodes);
    await lab.rest();
    assertAllHold(lab, nodes, key);
    a.crash();
    a.disk.replace(saved);
    if (hasMuch) {
      for (let i = 0; i < 600; i++) await lab.ask(b, 'PUT', `other${i}`, { value: 'x' });
      a.disk.delayMs = 60;
    }
    a.start();
    // The read would spread the end of the value.
    await lab.wait(2_200);
    await lab.ask(b, 'GET', key, { query: 'r=3&timeout=10000' });
    a.disk.delayMs = 1;
    await lab.wait(50_000);
    await lab.rest();
    assertAllHold(lab, nodes, key);
  });
}

test('the late repair of a read stores a closed write, and no value ends', async () => {
  const lab = new Lab(4, { seed: 5, limits: { lostAfterMs: 2_000 } });
  await lab.born();
  const [key, other] = neighbours(2) as [string, string];
  const [a, b, c, reader] = lab.order(key) as [...Nodes, SimNode];
  const headers = await replaceable(lab, a, key);
  // The write is in the memory of its coordinator only, and a read sees it there.
  a.disk.delayMs = 5_000;
  lab.cut(a, b);
  lab.cut(a, c);
  const failed = putInVain(a, key, { value: 'failed', headers });
  await lab.wait(5);
  lab.heal();
  // The next write tells the others of a gap.
  putInVain(a, other, { value: 'next' });
  await lab.wait(10);
  // The repair comes late to B. C is out of the reader's reach.
  lab.cut(reader, c);
  const releases: (() => void)[] = [];
  const isRepair = ({ kind }: { readonly kind: string }): boolean => kind === 'store';
  lab.whenSent(reader, isRepair, () => {
    releases.push(lab.network.stall(`${reader.name}>${b.name}`));
  });
  const answer = await lab.ask(reader, 'GET', key, { query: 'timeout=1000' });
  assert.equal(textOf(answer), 'failed', 'the reader sees the write');
  await lab.until(() => releases.length > 0, 3_000);
  assert.equal(releases.length, 1, 'it repairs');
  lab.heal();
  a.crash();
  a.disk.delayMs = 1;
  a.start();
  await lab.wait(50);
  assert.notEqual(failed.outcome, '200');
  assertAllHold(lab, [b, c], key);
  await untilClosed(lab, [a, b, c]);
  for (const release of releases) release();
  await lab.wait(20_000);
  await lab.rest();
  assertAllHold(lab, [a, b, c], key);
});
