/**
 * A newcomer took the place of an owner, and ended. The owner was away, or cut off, and hears of
 * the end in various ways. Its replica lacks what the newcomer and another owner have acknowledged.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { partitionOf } from '../../src/core/placement/partition.ts';
import { placement } from '../../src/core/placement/placement.ts';
import type { SimNode } from '../../src/sim/cluster.ts';
import { type BeforeJoin, beforeJoin, Lab, stateAt } from '../fixtures/lab.ts';
import { acknowledges, isNotMissed, KINDS } from '../fixtures/strict.ts';

const NO_DISK = new Map<never, never>();

interface Place extends BeforeJoin {
  readonly key: string;
  /** The owners of the key. The newcomer takes the place of `p`. */
  readonly a: SimNode;
  readonly b: SimNode;
  readonly p: SimNode;
  /** The other members. */
  readonly others: readonly SimNode[];
}

/** A key of which the newcomer will replace one owner, and the roles of its owners. */
function placeIn(before: BeforeJoin, { weight = 1, endsLater = false } = {}): Place {
  const { members, newcomer, by } = before;
  const old = members.map(({ name }) => ({ id: name, weight: 1, zone: undefined }));
  const x = { id: newcomer.name, weight, zone: undefined };
  const ownersOf = (all: typeof old): string[][] =>
    placement(all, 3).map((order) => order.slice(0, 3));
  const [first, joined, light] = [old, [...old, x], [...old, { ...x, weight: 1 }]].map(ownersOf);
  for (let i = 0; ; i++) {
    const key = `k${i}`;
    const at = partitionOf(key);
    const [owners = [], next = [], last = []] = [first?.[at], joined?.[at], light?.[at]];
    const [p = '', ...more] = owners.filter((name) => !next.includes(name));
    // A newcomer of less weight takes nothing here.
    const isOther = weight > 1 && !owners.every((name) => last.includes(name));
    if (p === '' || more.length > 0 || isOther) continue;
    const staying = owners.filter((name) => name !== p);
    // If `b` ends, `p` is an owner again.
    const isBack = (b: string): boolean =>
      ownersOf([...old, x].filter(({ id }) => id !== b))[at]?.includes(p) === true;
    const b = endsLater ? staying.find(isBack) : staying[1];
    if (b === undefined) continue;
    const a = staying.find((name) => name !== b) as string;
    const others = members.filter(({ name }) => !owners.includes(name));
    return { ...before, key, a: by(a), b: by(b), p: by(p), others };
  }
}

/** `p` is down, the newcomer is up, and acknowledges a write with `b` alone. */
async function writtenWithout(place: Place): Promise<void> {
  const { lab, newcomer, a, b, p } = place;
  p.crash();
  await lab.wait(6_000);
  newcomer.start();
  await lab.until(() => newcomer.node?.state === 'up', 60_000);
  await lab.wait(3_000);
  for (const other of [b, newcomer]) lab.cut(a, other);
  await acknowledges(place, newcomer);
}

/** A node ends, and another one declares it gone. */
async function ends(lab: Lab, node: SimNode, by: SimNode): Promise<void> {
  node.crash();
  await lab.wait(6_000);
  by.node?.remove(node.name);
  await lab.wait(3_000);
}

for (const kind of KINDS)
  test(`a newcomer that is up is declared gone as one that joins: a ${kind}`, async () => {
    const place = placeIn(await beforeJoin(3));
    const { lab, newcomer, a, b, p } = place;
    newcomer.start();
    await lab.until(() => newcomer.node?.state === 'up', 60_000);
    for (const one of [a, p]) for (const other of [b, newcomer]) lab.cut(one, other);
    await lab.wait(1_000);
    assert.equal(stateAt(a, newcomer), 'joining');
    await acknowledges(place, newcomer, kind);
    await ends(lab, newcomer, a);
    await isNotMissed(place, a, kind);
  });

test('an owner that was replaced hears first of the end of a later member of the name', async () => {
  const place = placeIn(await beforeJoin(6), { endsLater: true });
  const { lab, newcomer, a, b, p, others } = place;
  const [c] = others as [SimNode];
  await writtenWithout(place);
  b.disk.replace(NO_DISK);
  await ends(lab, b, c);
  // A new machine gets the name, fails while it joins, and is declared gone, too.
  for (const other of lab.cluster.nodes) if (other !== c) lab.cut(b, other);
  b.disk.replace(NO_DISK);
  b.start();
  await lab.until(() => stateAt(c, b) === 'joining', 20_000);
  assert.equal(stateAt(c, b), 'joining');
  await ends(lab, b, c);
  lab.cut(p, newcomer);
  p.start();
  await lab.wait(10_000);
  await isNotMissed(place, a);
});

test('an owner that was replaced finds the name of the newcomer with less weight', async () => {
  const place = placeIn(await beforeJoin(4), { weight: 4 });
  const { lab, newcomer, a, b, p, others } = place;
  const [c] = others as [SimNode];
  newcomer.configured = { weight: 4 };
  await writtenWithout(place);
  await ends(lab, newcomer, c);
  newcomer.disk.replace(NO_DISK);
  newcomer.configured = { weight: 1 };
  lab.cut(newcomer, b);
  newcomer.start();
  await lab.wait(6_000);
  lab.cut(p, b);
  p.start();
  await lab.wait(5_000);
  await isNotMissed(place, a);
});

test('a node that is gone is no part of the majority that knows all ends', async () => {
  const { members, ...before } = await beforeJoin(5);
  const gone = members[4] as SimNode;
  const place = placeIn({ ...before, members: members.slice(0, 4) }, { endsLater: true });
  const { lab, newcomer, key, a, b, p, others } = place;
  const [c] = others as [SimNode];
  await lab.ask(a, 'PUT', key, { value: 'old' });
  gone.node?.leave();
  await lab.until(() => [a, b, c, p].every((node) => stateAt(node, gone) === 'gone'), 60_000);
  // It still hands its replicas over when a rack is cut off.
  for (const other of [a, b, c, newcomer]) lab.cut(gone, other);
  await lab.wait(5_000);
  for (const other of [a, b, c, newcomer]) lab.cut(p, other);
  await lab.wait(6_000);
  newcomer.start();
  await lab.until(() => newcomer.node?.state === 'up', 60_000);
  await lab.wait(3_000);
  for (const other of [b, newcomer]) lab.cut(a, other);
  await acknowledges(place, newcomer);
  // The machine has burnt, and the operator says so in both racks.
  await ends(lab, b, c);
  p.node?.remove(b.name);
  await lab.wait(3_000);
  lab.heal();
  for (const other of [a, p]) lab.cut(newcomer, other);
  await lab.wait(4_000);
  await isNotMissed(place, a);
});

for (const kind of KINDS)
  test(`an end is not forgotten while a newcomer may be up: a ${kind}`, async () => {
    const place = placeIn(await beforeJoin(4), { endsLater: true });
    const { lab, newcomer, a, b, p, others } = place;
    const [c] = others as [SimNode];
    newcomer.start();
    await lab.until(() => newcomer.node?.state === 'up', 60_000);
    for (const one of [a, c, p]) for (const other of [b, newcomer]) lab.cut(one, other);
    assert.deepEqual(
      [a, c, p].map((node) => stateAt(node, newcomer)),
      ['joining', 'joining', 'joining'],
    );
    await lab.wait(2_000);
    await acknowledges(place, newcomer, kind);
    await ends(lab, b, c);
    // The others hear from `c` that the newcomer is up.
    lab.mend(newcomer, c);
    await lab.until(() => [a, p].every((node) => stateAt(node, newcomer) === 'up'), 20_000);
    await isNotMissed(place, a, kind);
  });

for (const kind of KINDS)
  test(`an owner that was cut off counts once it knows the end: a ${kind}`, async () => {
    const place = placeIn(await beforeJoin(7, { seed: 6 }));
    const { lab, newcomer, a, b, p, others } = place;
    const [d, ...rack] = others as [SimNode, ...SimNode[]];
    for (const other of lab.cluster.nodes) if (other !== p) lab.cut(p, other);
    await lab.wait(6_000);
    newcomer.start();
    await lab.until(() => newcomer.node?.state === 'up', 60_000);
    await lab.wait(3_000);
    for (const other of [b, newcomer]) lab.cut(a, other);
    await lab.wait(kind === 'lock' ? 6_000 : 0);
    await acknowledges(place, newcomer, kind);
    // The rest of its rack is cut off as well, and hears of the end later.
    for (const one of rack) for (const other of [a, b, d]) lab.cut(one, other);
    await ends(lab, newcomer, d);
    const sinceMs = lab.world.nowMs;
    for (const one of [p, ...rack]) lab.mend(one, a);
    while (lab.world.nowMs < sinceMs + 3_000) {
      await lab.wait(2);
      await isNotMissed({ ...place, timeoutMs: 50 }, a, kind);
    }
  });

test('an owner hears of the end while its disk fails', async () => {
  const place = placeIn(await beforeJoin(3));
  const { lab, newcomer, a, b, p } = place;
  await writtenWithout(place);
  await ends(lab, newcomer, b);
  for (const other of [a, b]) lab.cut(p, other);
  p.start();
  await lab.wait(5_000);
  p.disk.failRate = 1;
  await lab.ask(p, 'PUT', 'other', { value: 'x', query: 'w=1' }).catch(() => {});
  await lab.until(() => p.node?.storeStatus.state !== 'ok', 10_000);
  lab.mend(p, b);
  await lab.until(() => stateAt(p, newcomer) === 'gone', 5_000);
  assert.equal(stateAt(p, newcomer), 'gone');
  await lab.wait(500);
  lab.cut(p, b);
  p.disk.failRate = 0;
  await lab.wait(10_000);
  assert.equal(p.node?.storeStatus.state, 'ok');
  lab.mend(p, a);
  await lab.wait(10_000);
  await isNotMissed(place, a);
});

test('an owner hears of the end before its second port is bound', async () => {
  const place = placeIn(await beforeJoin(3));
  const { lab, newcomer, a, b, p } = place;
  // As with ZeroMQ: frames wait for the peer, and ports are bound one after the other.
  lab.network.conditions.areFramesKept = true;
  await writtenWithout(place);
  await ends(lab, newcomer, b);
  lab.cut(p, a);
  const networkOf = lab.network.of.bind(lab.network);
  lab.network.of = (life) => {
    const network = networkOf(life);
    return {
      ...network,
      bind: async (address, onFrame) => {
        const isSecond = address.port % 10 === 1;
        if (isSecond) await new Promise<void>((end) => void life.clock.after(5, end));
        return network.bind(address, onFrame);
      },
    };
  };
  p.start();
  await lab.wait(6);
  lab.cut(p, b);
  lab.mend(p, a);
  await lab.wait(10_000);
  await isNotMissed(place, a);
});

test('ends that a majority knew do not count again after an outage of all nodes', async () => {
  const lab = new Lab(3);
  await lab.born();
  const keys = Array.from({ length: 100 }, (_, i) => `k${i}`);
  const [old] = lab.cluster.nodes as [SimNode];
  for (const key of keys) assert.equal((await lab.ask(old, 'PUT', key)).status, 200);
  // All machines are replaced, one after the other.
  const before = [...lab.cluster.nodes];
  const fresh = before.map(() => lab.cluster.add());
  const newcomer = lab.cluster.add();
  for (const node of fresh) {
    node.start();
    await lab.until(() => node.node?.state === 'up', 60_000);
  }
  for (const node of before) {
    node.node?.leave();
    await lab.until(() => node.hasLeft, 60_000);
    assert.ok(node.hasLeft);
  }
  await lab.wait(10_000);
  for (const node of fresh) node.crash();
  await lab.wait(1_000);
  // A new node joins at once, and fails.
  for (const node of [newcomer, ...fresh]) node.start();
  await lab.until(() => fresh.every((node) => stateAt(node, newcomer) !== undefined), 3_000);
  newcomer.crash();
  await lab.wait(60_000);
  const [reader] = fresh as [SimNode];
  for (const key of keys) assert.equal((await lab.ask(reader, 'GET', key)).status, 200, key);
});
