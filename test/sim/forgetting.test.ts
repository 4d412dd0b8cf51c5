/**
 * Histories in which a store that relies on old or partial statements loses acknowledged writes.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { partitionOf } from '../../src/core/placement/partition.ts';
import type { SimNode } from '../../src/sim/cluster.ts';
import type { SimDisk } from '../../src/sim/disk.ts';
import { objectRow } from '../../src/storage/keyspace.ts';
import type { Message } from '../../src/transport/message.ts';
import { Lab, neighbours, textOf } from '../fixtures/lab.ts';

/** Longer than a fallback may be away before its gap would count as lost. */
const AWAY_MS = 40_000;

/** Longer than any test: a scrub would mend the losses of these tests. */
const NEVER_MS = 1e9;

test('a gap is not closed while fallbacks are away', async () => {
  const lab = new Lab(6);
  await lab.born();
  const [a, b] = neighbours(2) as [string, string];
  const [o1, o2, o3, d, e, f] = lab.order(a) as [
    SimNode,
    SimNode,
    SimNode,
    SimNode,
    SimNode,
    SimNode,
  ];
  const part = (): void => {
    for (const owner of [o1, o2, o3]) for (const fallback of [d, e, f]) lab.cut(owner, fallback);
  };
  // Without faults, every node reports that it holds nothing as a fallback.
  await lab.wait(15_000);
  part();
  lab.cut(d, e);
  await lab.wait(6_000);
  assert.equal((await lab.ask(d, 'PUT', a, { value: 'acknowledged' })).status, 200);
  lab.heal();
  part();
  await lab.wait(2_000);
  // E has this write, and not the one before. So the owners hear of a gap from E.
  assert.equal((await lab.ask(d, 'PUT', b, { value: 'later' })).status, 200);
  lab.heal();
  d.crash();
  f.crash();
  await lab.wait(AWAY_MS);
  d.start();
  f.start();
  await lab.wait(20_000);
  await lab.rest();
  for (const node of lab.cluster.nodes) {
    assert.equal(textOf(await lab.ask(node, 'GET', a)), 'acknowledged', `at ${node.name}`);
  }
});

/** Whether a request asks about the partition of a key. */
const asksAbout =
  (key: string) =>
  (request: Message): boolean =>
    request.kind === 'state' && request.partitions.includes(partitionOf(key));

test('a fallback does not drop a write if an owner loses it between two answers', async () => {
  const lab = new Lab(4);
  await lab.born();
  const [key] = neighbours(1) as [string];
  const [o1, o2, o3, fallback] = lab.order(key) as [SimNode, SimNode, SimNode, SimNode];
  const saved = new Map([o1, o2, o3].map((owner) => [owner, new Map(owner.disk.rows)]));
  for (const owner of [o2, o3]) owner.crash();
  await lab.wait(6_000);
  assert.equal((await lab.ask(o1, 'PUT', key, { value: 'acknowledged' })).status, 200);
  assert.deepEqual(lab.held(fallback, key), ['acknowledged']);
  // The answers of the owners are true when they are sent, and false when they arrive.
  const releases: (() => void)[] = [];
  // An earlier question only asks for closed dots.
  const isAsked = (request: Message): boolean =>
    asksAbout(key)(request) && [o2, o3].every((owner) => lab.held(owner, key).length > 0);
  lab.whenSent(fallback, isAsked, () => {
    for (const { name } of [o2, o3]) releases.push(lab.network.stall(`${name}>${fallback.name}`));
  });
  for (const owner of [o2, o3]) owner.start();
  await lab.until(() => releases.length > 0, 30_000);
  assert.equal(releases.length, 2, 'it asks');
  await lab.wait(100);
  for (const [owner, rows] of saved) {
    assert.deepEqual(lab.held(owner, key), ['acknowledged'], `at ${owner.name}`);
    owner.crash();
    owner.disk.replace(rows);
  }
  for (const release of releases) release();
  await lab.wait(2_000);
  for (const owner of saved.keys()) owner.start();
  await lab.wait(10_000);
  await lab.rest();
  for (const owner of saved.keys()) assert.deepEqual(lab.held(owner, key), ['acknowledged']);
});

test('a gap is not closed if its write moves between two answers', async () => {
  const lab = new Lab(4, { limits: { lostAfterMs: 300, intervalMs: 200 } });
  await lab.born();
  const [hidden, above] = neighbours(2) as [string, string];
  const [a, b, c] = lab.order(hidden) as [SimNode, SimNode, SimNode];
  const saved = new Map(a.disk.rows);
  // The first write does not reach C, and C's question to B is late.
  const resume = lab.network.stall(`${c.name}>${b.name}`);
  lab.cut(a, c);
  assert.equal((await lab.ask(a, 'PUT', hidden, { value: 'acknowledged' })).status, 200);
  lab.heal();
  lab.cut(a, b);
  assert.equal((await lab.ask(a, 'PUT', above, { value: 'later' })).status, 200);
  a.crash();
  a.disk.replace(saved);
  a.start();
  let hasAsked = false;
  lab.whenSent(c, asksAbout(hidden), () => (hasAsked = true));
  await lab.until(() => hasAsked);
  assert.ok(hasAsked, 'it asks');
  await lab.wait(50);
  // A has answered that it has no such write. Now A gets the write from B, and B loses it.
  assert.deepEqual(
    [a, b, c].map((node) => lab.held(node, hidden)),
    [[], ['acknowledged'], []],
  );
  lab.heal();
  lab.cut(a, c);
  await lab.until(() => lab.held(a, hidden).length > 0);
  b.disk.wound([hidden]);
  await lab.until(() => (b.node?.status().store.damage?.wounded ?? 0) > 0);
  assert.deepEqual(lab.held(b, hidden), []);
  resume();
  await lab.wait(500);
  lab.heal();
  await lab.wait(10_000);
  await lab.rest();
  for (const node of [a, b, c]) {
    assert.deepEqual(lab.held(node, hidden), ['acknowledged'], `at ${node.name}`);
  }
});

for (const gapMs of [100, 700]) {
  test(`a snapshot removes nothing if its sender loses its disk, and is back after ${gapMs} ms`, async () => {
    const lab = new Lab(3, { limits: { maxLogEntries: 4, pageDots: 2, concurrency: 1 } });
    await lab.born();
    const keys = neighbours(12).sort();
    const [sender, receiver, other] = lab.cluster.nodes as [SimNode, SimNode, SimNode];
    const tokens = new Map<string, string>();
    for (const key of keys) {
      const { headers } = await lab.ask(sender, 'PUT', key, { value: `${key}-old` });
      tokens.set(key, headers['X-Mec-Vclock'] ?? '');
    }
    await lab.rest();
    receiver.crash();
    await lab.wait(5_000);
    const changed = keys.slice(0, 8);
    for (const key of changed) {
      const headers = { 'x-mec-vclock': tokens.get(key) ?? '' };
      assert.equal(
        (await lab.ask(sender, 'PUT', key, { value: `${key}-new`, headers })).status,
        200,
      );
    }
    await lab.wait(3_000);
    lab.cut(other, sender);
    lab.cut(other, receiver);
    receiver.disk.delayMs = 1_000;
    receiver.start();
    const arrived = (): number =>
      receiver.node === undefined
        ? 0
        : keys.filter((key) => lab.held(receiver, key).includes(`${key}-new`)).length;
    await lab.until(() => arrived() >= 2, 60_000);
    assert.ok(arrived() >= 2 && arrived() < changed.length, 'it is in the middle of it');
    sender.crash();
    sender.disk.replace(new Map());
    await lab.wait(gapMs);
    sender.start();
    await lab.until(() => sender.node !== undefined);
    sender.disk.delayMs = 3_000;
    await lab.wait(10_000);
    lab.heal();
    for (const node of [sender, receiver]) node.disk.delayMs = 1;
    const reaches = (): boolean =>
      receiver.node
        ?.status()
        .peers.some(({ node, reach }) => node === other.name && reach === 'reachable') === true;
    await lab.until(reaches, 20_000);
    // A read would spread the absence at the receiver as a deletion.
    for (const key of keys) await lab.ask(other, 'GET', key);
    await lab.rest();
    for (const key of keys) {
      const expected = `${key}-${changed.includes(key) ? 'new' : 'old'}`;
      for (const node of lab.cluster.nodes)
        assert.deepEqual(lab.held(node, key), [expected], `at ${node.name}`);
    }
  });
}

/** Damages the next record of a key as soon as it is on the disk. */
function damageWhenWritten(disk: SimDisk, key: string): void {
  const apply = disk.apply.bind(disk);
  const row = objectRow(partitionOf(key), key);
  disk.apply = (changes) => {
    apply(changes);
    if (changes.some((change) => change.key === row) && disk.rot(key)) disk.apply = apply;
  };
}

test('a snapshot is not adopted if a record from its pages is damaged', async () => {
  const lab = new Lab(3, { limits: { maxLogEntries: 4, scrubMs: NEVER_MS } });
  await lab.born();
  const [key, ...others] = neighbours(7) as [string, ...string[]];
  const [sender, receiver, behind] = lab.order(key) as [SimNode, SimNode, SimNode];
  receiver.crash();
  const { headers } = await lab.ask(sender, 'PUT', key, { value: 'deleted' });
  assert.equal((await lab.ask(sender, 'PUT', key, { value: 'kept' })).status, 200);
  // These writes cut all older entries from the logs.
  for (const other of others) await lab.ask(sender, 'PUT', other, { value: 'v' });
  await lab.wait(5_000);
  assert.deepEqual(lab.held(behind, key).sort(), ['deleted', 'kept']);
  lab.cut(behind, sender);
  lab.cut(behind, receiver);
  const token = { 'x-mec-vclock': headers['X-Mec-Vclock'] ?? '' };
  const deleted = await lab.ask(sender, 'DELETE', key, { headers: token, query: 'r=1&w=1' });
  assert.ok(deleted.status < 300, textOf(deleted));
  damageWhenWritten(receiver.disk, key);
  receiver.start();
  await lab.until(() => lab.logged(receiver, /record damaged/).length > 0);
  // It asks for the key, and only the node that has not seen the delete can answer.
  lab.heal();
  lab.cut(sender, receiver);
  lab.cut(sender, behind);
  await lab.until(() => lab.held(receiver, key).length === 2, 60_000);
  lab.heal();
  await lab.wait(10_000);
  await lab.rest();
  for (const node of lab.cluster.nodes) {
    assert.deepEqual(lab.held(node, key), ['kept'], `at ${node.name}`);
  }
});

test('a snapshot is not adopted if a key is damaged while other keys are removed', async () => {
  const lab = new Lab(3, { limits: { maxLogEntries: 4, pageDots: 1, scrubMs: NEVER_MS } });
  await lab.born();
  const [key, last, ...gone] = neighbours(8).sort() as [string, string, ...string[]];
  const [sender, receiver, other] = lab.order(key) as [SimNode, SimNode, SimNode];
  const tokens = new Map<string, string>();
  for (const each of gone) {
    const { headers } = await lab.ask(sender, 'PUT', each, { value: 'v' });
    tokens.set(each, headers['X-Mec-Vclock'] ?? '');
  }
  await lab.rest();
  receiver.crash();
  for (const each of [key, last]) await lab.ask(sender, 'PUT', each, { value: 'first' });
  for (const [each, token] of tokens) {
    await lab.ask(sender, 'DELETE', each, { headers: { 'x-mec-vclock': token } });
  }
  await lab.wait(5_000);
  other.crash();
  receiver.start();
  await lab.until(() => receiver.node !== undefined);
  receiver.disk.delayMs = 1_000;
  // All pages have come. Now the replica removes the deleted keys, one after the other.
  await lab.until(() => lab.held(receiver, gone[0] as string).length === 0, 60_000);
  damageWhenWritten(receiver.disk, key);
  await lab.ask(sender, 'PUT', key, { value: 'second', query: 'timeout=10000' });
  lab.cut(sender, receiver);
  await lab.until(() => lab.logged(receiver, /record damaged/).length > 0, 20_000);
  assert.ok(
    gone.some((each) => lab.held(receiver, each).length > 0),
    'some are left',
  );
  await lab.wait(10_000);
  receiver.disk.delayMs = 1;
  lab.heal();
  other.start();
  await lab.wait(10_000);
  await lab.rest();
  for (const node of lab.cluster.nodes) {
    assert.deepEqual(lab.held(node, key).sort(), ['first', 'second'], `at ${node.name}`);
  }
});

test('a delete in a snapshot also holds for a key with a damaged record', async () => {
  const lab = new Lab(3, { limits: { maxLogEntries: 4, intervalMs: 20_000 } });
  await lab.rest(5 * 60_000);
  const [key, ...others] = neighbours(7) as [string, ...string[]];
  const [sender, receiver, behind] = lab.order(key) as [SimNode, SimNode, SimNode];
  const { headers } = await lab.ask(sender, 'PUT', key, { value: 'deleted' });
  await lab.rest(5 * 60_000);
  receiver.crash();
  lab.cut(behind, sender);
  lab.cut(behind, receiver);
  const token = { 'x-mec-vclock': headers['X-Mec-Vclock'] ?? '' };
  const deleted = await lab.ask(sender, 'DELETE', key, { headers: token, query: 'r=1&w=1' });
  assert.ok(deleted.status < 300, textOf(deleted));
  // The log of the sender no longer has the delete.
  for (const other of others) await lab.ask(sender, 'PUT', other, { value: 'v', query: 'w=1' });
  receiver.disk.rot(key);
  receiver.start();
  await lab.until(() => receiver.node !== undefined);
  assert.deepEqual(lab.held(receiver, key), [], 'the read finds the damage');
  await lab.until(() => others.every((other) => lab.held(receiver, other).length === 1));
  await lab.wait(500);
  // It asks for the key, and only the node that has not seen the delete can answer.
  lab.heal();
  lab.cut(sender, receiver);
  lab.cut(sender, behind);
  await lab.wait(60_000);
  lab.heal();
  await lab.wait(60_000);
  await lab.rest(5 * 60_000);
  for (const node of lab.cluster.nodes) {
    assert.deepEqual(lab.held(node, key), [], `at ${node.name}`);
  }
});

test('a volume that was put back to an earlier state gives no dot to a second write', async () => {
  const lab = new Lab(3);
  await lab.born();
  const [first, key] = neighbours(2) as [string, string];
  const [a, b] = lab.order(key) as [SimNode, SimNode];
  await lab.ask(a, 'PUT', first, { value: 'zero' });
  await lab.rest();
  const restart = async (change: () => void): Promise<void> => {
    a.stop();
    await lab.until(() => !a.isUp);
    change();
    a.start();
    await lab.until(() => a.node?.status().isReady === true);
  };
  let saved = new Map<string, Uint8Array>();
  await restart(() => (saved = new Map(a.disk.rows)));
  const before = await lab.ask(a, 'PUT', key, { value: 'before' });
  assert.equal(before.status, 200);
  await lab.wait(2_000);
  await restart(() => a.disk.replace(saved));
  const after = await lab.ask(a, 'PUT', key, { value: 'after' });
  assert.equal(after.status, 200);
  assert.notEqual(after.headers['X-Mec-Dot'], before.headers['X-Mec-Dot']);
  await lab.wait(10_000);
  await lab.rest();
  for (const node of [a, b])
    assert.deepEqual(lab.held(node, key).sort(), ['after', 'before'], `at ${node.name}`);
});

test('a node that lost its disk and finds no other node closes no dots of the others', async () => {
  const lab = new Lab(3, { limits: { lostAfterMs: 2_000 } });
  await lab.born();
  const [ofOther, ofItself, known] = neighbours(3) as [string, string, string];
  const [a, b, wiped] = lab.order(known) as [SimNode, SimNode, SimNode];
  assert.equal((await lab.ask(a, 'PUT', ofOther, { value: 'acknowledged' })).status, 200);
  assert.equal((await lab.ask(wiped, 'PUT', ofItself, { value: 'acknowledged' })).status, 200);
  await lab.ask(a, 'PUT', known, { value: 'one' });
  await lab.ask(wiped, 'PUT', known, { value: 'two' });
  await lab.rest();
  const token = (await lab.ask(a, 'GET', known)).headers['X-Mec-Vclock'] ?? '';
  wiped.crash();
  wiped.disk.replace(new Map());
  lab.cut(wiped, a);
  lab.cut(wiped, b);
  wiped.start();
  await lab.wait(30_000);
  // The token of the client names writes of the others and of an earlier life of the lone node.
  const headers = { 'x-mec-vclock': token };
  assert.equal((await lab.ask(wiped, 'PUT', known, { value: 'later', headers })).status, 503);
  await lab.wait(10_000);
  lab.heal();
  await lab.wait(20_000);
  await lab.rest();
  for (const node of lab.cluster.nodes) {
    for (const key of [ofOther, ofItself]) {
      assert.equal(
        textOf(await lab.ask(node, 'GET', key)),
        'acknowledged',
        `${key} at ${node.name}`,
      );
    }
  }
});
