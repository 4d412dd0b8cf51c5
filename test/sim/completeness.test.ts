/** Tests of the moment at which a replica that lost its disk counts for reads again. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { FENCE_MS } from '../../src/cluster/limits.ts';
import type { SimNode } from '../../src/sim/cluster.ts';
import { Lab, textOf } from '../fixtures/lab.ts';

const KEY = 'k1';

test('a wiped replica does not count as long as it may lack a write that asked for fewer disks', async () => {
  const lab = new Lab(3, { config: { quorum: { n: 3, r: 'one', w: 'all', timeoutMs: 3_000 } } });
  await lab.born();
  const [a, b, c] = lab.order(KEY) as [SimNode, SimNode, SimNode];
  lab.cut(c, a);
  lab.cut(c, b);
  await lab.wait(6_000);
  // The request asks for less than the configuration does, but with `r=2` still for more than there
  // are.
  const written = await lab.ask(a, 'PUT', KEY, { value: 'acked', query: 'w=2' });
  assert.equal(written.status, 200, textOf(written));
  b.crash();
  b.disk.replace(new Map());
  lab.heal();
  lab.cut(a, b);
  lab.cut(a, c);
  b.start();
  await lab.wait(20_000);
  const read = await lab.ask(c, 'GET', KEY, { query: 'r=2' });
  assert.equal(
    read.status,
    503,
    'of the two, one was away and one has lost it: not even 404 would be true',
  );
  lab.heal();
  await lab.rest();
  assert.equal(textOf(await lab.ask(c, 'GET', KEY, { query: 'r=2' })), 'acked');
});

for (const [kind, headers] of [
  ['write', {}],
  ['conditional write', { 'if-none-match': '*' }],
] as const) {
  test(`a ${kind} is not acknowledged with a replica that has been replaced since`, async () => {
    const lab = new Lab(3);
    await lab.born();
    const [a, b, c] = lab.order(KEY) as [SimNode, SimNode, SimNode];
    // Only C has the write in time: A's own disk is slow, and the message to B is lost.
    a.disk.delayMs = 5_000;
    lab.cut(a, b);
    const put = lab.ask(a, 'PUT', KEY, { value: 'v', query: 'timeout=8000', headers });
    await lab.until(() => lab.held(c, KEY).length > 0, 500);
    await lab.wait(50);
    lab.heal();
    c.crash();
    c.disk.replace(new Map());
    c.start();
    const answer = await put;
    a.disk.delayMs = 1;
    lab.cut(a, b);
    lab.cut(a, c);
    const read = await lab.ask(c, 'GET', KEY);
    assert.ok(
      answer.status !== 200 || read.status !== 404,
      `told ${answer.status}, read ${read.status}`,
    );
  });
}

test('a decider that has filled another replica does not count a write that becomes durable after that', async () => {
  const lab = new Lab(5, {
    config: { quorum: { n: 5, r: 'quorum', w: 'quorum', timeoutMs: 3_000 } },
  });
  await lab.born();
  const [a, b, c, d, e] = lab.order(KEY) as [SimNode, SimNode, SimNode, SimNode, SimNode];
  // A, B and C decide. A and C have the write on disk, but C so late that it has told B before that
  // it has nothing.
  for (const other of [d, e]) lab.cut(a, other);
  c.disk.delayMs = 6_000;
  const put = lab.ask(a, 'PUT', KEY, {
    value: 'v',
    query: 'timeout=15000',
    headers: { 'if-none-match': '*' },
  });
  await lab.until(() => lab.held(b, KEY).length > 0, 500);
  await lab.wait(50);
  lab.cut(a, b);
  b.crash();
  b.disk.replace(new Map());
  b.start();
  const answer = await put;
  for (const reader of [b, d, e]) for (const holder of [a, c]) lab.cut(reader, holder);
  const read = await lab.ask(b, 'GET', KEY);
  assert.ok(
    answer.status !== 200 || read.status !== 404,
    `told ${answer.status}, read ${read.status}`,
  );
});

test('a write is not acknowledged with an owner that has forgotten its fences', async () => {
  const lab = new Lab(3);
  await lab.born();
  // The fences of the first start have ended. They would make the promise void, too.
  await lab.wait(FENCE_MS);
  const [a, b, c] = lab.order(KEY) as [SimNode, SimNode, SimNode];
  // Only C has the write in time: A's own disk is slow, and the message to B waits on its link.
  a.disk.delayMs = 20_000;
  const resume = lab.network.stall(`${a.name}>${b.name}`);
  const put = lab.ask(a, 'PUT', KEY, { value: 'v', query: 'timeout=14000' }).catch(() => undefined);
  await lab.until(() => lab.held(c, KEY).length > 0, 500);
  await lab.wait(50);
  c.crash();
  c.disk.replace(new Map());
  c.start();
  // B tells C that it has nothing, and starts again. Then the message arrives.
  await lab.wait(4_000);
  assert.equal(c.node?.status().sync.incomplete, 0);
  b.crash();
  b.start();
  await lab.wait(100);
  lab.cut(b, c);
  resume();
  await lab.until(() => lab.held(b, KEY).length > 0, 3_000);
  assert.deepEqual(lab.held(b, KEY), ['v'], 'the message arrives');
  await lab.wait(50);
  a.crash();
  a.disk.delayMs = 1;
  lab.cut(b, a);
  a.start();
  const answer = await put;
  await lab.wait(5_000);
  const read = await lab.ask(c, 'GET', KEY);
  assert.ok(
    answer?.status !== 200 || read.status !== 404,
    `told ${answer?.status}, read ${read.status}`,
  );
});
