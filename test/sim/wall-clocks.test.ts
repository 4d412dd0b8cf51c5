/**
 * Tests with wall clocks an hour apart: a minority of the owners decides neither on expiry nor on
 * the last write.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { SimNode } from '../../src/sim/cluster.ts';
import { Lab, textOf } from '../fixtures/lab.ts';

const HOUR_MS = 3_600_000;
const KEY = 'k1';
const LAST_WRITE_WINS = {
  prefix: 'k',
  siblings: 'last-write-wins',
  ttlMs: undefined,
  r: undefined,
  w: undefined,
  maxValueBytes: undefined,
} as const;

async function labOf(
  count: number,
  config: ConstructorParameters<typeof Lab>[1] = {},
): Promise<[Lab, SimNode[]]> {
  const lab = new Lab(count, config);
  await lab.born();
  return [lab, lab.order(KEY)];
}

function skew(ms: number, ...nodes: (SimNode | undefined)[]): void {
  for (const node of nodes) if (node?.life !== undefined) node.life.skewMs += ms;
}

async function put(
  lab: Lab,
  node: SimNode | undefined,
  value: string,
  ttl?: number,
): Promise<void> {
  const headers: Record<string, string> = ttl === undefined ? {} : { 'x-mec-ttl': String(ttl) };
  const answer = await lab.ask(node as SimNode, 'PUT', KEY, { value, headers });
  assert.equal(answer.status, 200, textOf(answer));
}

async function assertRead(
  lab: Lab,
  nodes: readonly SimNode[],
  expected: string | number,
): Promise<void> {
  for (const node of nodes) {
    const read = await lab.ask(node, 'GET', KEY);
    assert.equal(
      read.status === 200 ? textOf(read) : read.status,
      expected,
      `read at ${node.name}`,
    );
  }
}

for (const direction of [1, -1]) {
  const where = direction > 0 ? 'ahead' : 'behind';

  test(`one clock an hour ${where} does not change when a key expires`, async () => {
    const [lab, nodes] = await labOf(3);
    await put(lab, nodes[0], 'v', 20);
    skew(direction * HOUR_MS, nodes[1]);
    await lab.wait(15_000);
    await assertRead(lab, nodes, 'v');
    for (const node of nodes) assert.deepEqual(lab.held(node, KEY), ['v'], node.name);
    await lab.wait(6_000);
    await assertRead(lab, nodes, 404);
    await lab.until(() => nodes.every((node) => lab.held(node, KEY).length === 0), 10_000);
    for (const node of nodes) assert.deepEqual(lab.held(node, KEY), [], node.name);
  });

  test(`a write at a node an hour ${where} expires in time, and does not win by its clock`, async () => {
    const policies = [LAST_WRITE_WINS];
    const [lab, nodes] = await labOf(3, {
      config: { policies, quorum: { n: 3, r: 'quorum', w: 1, timeoutMs: 3_000 } },
    });
    const [a, b, c] = nodes as [SimNode, SimNode, SimNode];
    skew(direction * HOUR_MS, a);
    await lab.wait(2_000);
    await put(lab, a, 'mortal', 20);
    await lab.wait(15_000);
    await assertRead(lab, nodes, 'mortal');
    await lab.wait(6_000);
    await assertRead(lab, nodes, 404);
    lab.cut(a, b);
    lab.cut(a, c);
    await put(lab, direction > 0 ? a : b, 'first');
    await lab.wait(1_000);
    await put(lab, direction > 0 ? b : a, 'second');
    lab.heal();
    await lab.wait(10_000);
    await assertRead(lab, nodes, 'second');
  });

  test(`a clock an hour ${where} appears in log and status`, async () => {
    const [lab, nodes] = await labOf(3);
    const [a, b, c] = nodes as [SimNode, SimNode, SimNode];
    skew(direction * HOUR_MS, a);
    await lab.wait(15_000);
    const skewOf = (node: SimNode, peer: SimNode): number | undefined =>
      node.node?.status().peers.find(({ node: name }) => name === peer.name)?.clockSkewMs;
    const near = (actual: number | undefined, expected: number): void =>
      assert.ok(Math.abs((actual ?? NaN) - expected) < 10, `${actual} instead of ${expected}`);
    near(skewOf(b, a), direction * HOUR_MS);
    near(skewOf(a, c), -direction * HOUR_MS);
    near(skewOf(b, c), 0);
    assert.equal(
      lab.logged(a, /warn wall clocks differ/).length,
      2,
      'once for each peer, not once for each probe',
    );
    assert.equal(lab.logged(b, /warn wall clocks differ/).length, 1);
    skew(-direction * HOUR_MS, a);
    await lab.wait(3_000);
    near(skewOf(b, a), 0);
    assert.equal(lab.logged(b, /info wall clocks agree again/).length, 1);
  });
}

test('a clock that jumps on a lone node expires nothing', async () => {
  const [lab, nodes] = await labOf(3);
  const [a, b, c] = nodes as [SimNode, SimNode, SimNode];
  await put(lab, a, 'v', 600);
  lab.cut(a, b);
  lab.cut(a, c);
  skew(HOUR_MS, a);
  await lab.wait(15_000);
  assert.equal(textOf(await lab.ask(a, 'GET', KEY, { query: 'r=1' })), 'v');
  lab.heal();
  await lab.wait(5_000);
  await assertRead(lab, nodes, 'v');
});

test('a lone node that starts with a wrong clock deletes nothing', async () => {
  const [lab, nodes] = await labOf(3);
  const [a, b, c] = nodes as [SimNode, SimNode, SimNode];
  await put(lab, a, 'v', 600);
  await lab.rest();
  a.crash();
  lab.cut(a, b);
  lab.cut(a, c);
  a.start();
  skew(HOUR_MS, a);
  await lab.wait(15_000);
  assert.deepEqual(lab.held(a, KEY), ['v']);
  lab.heal();
  await lab.wait(10_000);
  await assertRead(lab, nodes, 'v');
});

test("only the clocks of the key's owners count", async () => {
  const [lab, nodes] = await labOf(5);
  const [a, b, c, d, e] = nodes as [SimNode, SimNode, SimNode, SimNode, SimNode];
  await put(lab, e, 'v', 600);
  // Three of the five nodes have wrong clocks, but only one of the three owners.
  skew(HOUR_MS, a, d, e);
  await lab.wait(15_000);
  await assertRead(lab, nodes, 'v');
  for (const node of [a, b, c]) assert.deepEqual(lab.held(node, KEY), ['v'], node.name);
  skew(HOUR_MS, b);
  await lab.wait(10_000);
  await assertRead(lab, nodes, 404);
});

test('a repeat is recognized after the clocks have jumped by an hour', async () => {
  const [lab, nodes] = await labOf(3);
  const once = { value: 'once', headers: { 'idempotency-key': 'i' } };
  const [a, b, c] = nodes as [SimNode, SimNode, SimNode];
  const first = await lab.ask(a, 'PUT', KEY, once);
  // Then the version itself is gone, and only the memory is left.
  assert.equal((await lab.ask(a, 'DELETE', KEY)).status, 204);
  skew(HOUR_MS, b, c);
  await lab.wait(15_000);
  const headers = { 'idempotency-key': 'other' };
  assert.equal((await lab.ask(a, 'PUT', KEY, { value: 'other', headers })).status, 200);
  const repeat = await lab.ask(b, 'PUT', KEY, once);
  assert.deepEqual(
    [first.status, repeat.status, repeat.headers['X-Mec-Repeated']],
    [200, 200, 'true'],
  );
  await assertRead(lab, nodes, 'other');
});

test('a node with a wrong clock that knows no majority of clocks gives no lock twice', async () => {
  const lab = new Lab(3);
  await lab.born();
  const [a, b] = lab.order(KEY) as [SimNode, SimNode];
  // Answers to probes are too slow to tell the clock of a peer.
  lab.network.conditions.delayMs = 800;
  const query = 'timeout=20000';
  const headers = { 'if-none-match': '*', 'x-mec-ttl': '600' };
  const mine = await lab.ask(b, 'PUT', KEY, { value: 'mine', headers, query });
  assert.equal(mine.status, 200, textOf(mine));
  await lab.wait(5_000);
  a.crash();
  await lab.wait(200);
  a.skewMs = HOUR_MS;
  a.start();
  await lab.wait(6_000);
  // A read takes the version for expired. A lock must not rely on that.
  assert.equal((await lab.ask(a, 'GET', KEY, { query })).status, 404);
  const yours = await lab.ask(a, 'PUT', KEY, { value: 'yours', headers, query });
  assert.equal(yours.status, 412, textOf(yours));
});

test('a lone cluster of one node gives a lock again when its time is over', async () => {
  const [lab, nodes] = await labOf(1);
  const [a] = nodes as [SimNode];
  const headers = { 'if-none-match': '*', 'x-mec-ttl': '5' };
  const statuses: number[] = [];
  for (const value of ['first', 'early', 'late']) {
    if (value === 'late') await lab.wait(5_000);
    statuses.push((await lab.ask(a, 'PUT', KEY, { value, headers })).status);
  }
  assert.deepEqual(statuses, [200, 412, 200]);
});
