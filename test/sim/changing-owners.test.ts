/** Plain writes and reads while a new owner takes the place of another. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { partitionOf } from '../../src/core/placement/partition.ts';
import { bodyInMemory } from '../../src/http/body-in-memory.ts';
import type { SimNode } from '../../src/sim/cluster.ts';
import { AnswerError, listKeys } from '../../src/sim/http.ts';
import {
  beforeJoin,
  type BeforeJoin,
  Lab,
  ownersAmong,
  settled,
  stateAt,
  textOf,
} from '../fixtures/lab.ts';

/** Three owners of a key, and a fourth node that joins and takes the place of `former`. */
interface Joining {
  readonly lab: Lab;
  readonly key: string;
  /** The first owner that stays, with a slow disk; the other one; and the one that is replaced. */
  readonly slow: SimNode;
  readonly staying: SimNode;
  readonly former: SimNode;
  readonly joining: SimNode;
  readonly knowsJoining: (node: SimNode) => boolean;
}

/** A key of which the newcomer will be an owner, and its owners then. */
function keyOfNewcomer({ lab, newcomer }: BeforeJoin): { key: string; nextOwners: string[] } {
  const owners = ownersAmong(lab.cluster.nodes.map(({ name }) => name));
  for (let i = 0; ; i++) {
    const key = `k${i}`;
    const nextOwners = owners[partitionOf(key)] as string[];
    if (nextOwners.includes(newcomer.name)) return { key, nextOwners };
  }
}

/** The newcomer has been heard of, and cannot yet be filled. */
async function joining(): Promise<Joining> {
  const before = await beforeJoin(3);
  const { lab, members, newcomer } = before;
  const { key, nextOwners } = keyOfNewcomer(before);
  const former = members.find(({ name }) => !nextOwners.includes(name)) as SimNode;
  const [slow, staying] = members.filter((node) => node !== former) as [SimNode, SimNode];
  lab.cut(newcomer, slow);
  lab.cut(newcomer, staying);
  newcomer.start();
  const knowsJoining = (node: SimNode): boolean => stateAt(node, newcomer) === 'joining';
  await lab.until(() => members.every(knowsJoining), 20_000);
  await lab.wait(3_000);
  return { lab, key, slow, staying, former, joining: newcomer, knowsJoining };
}

for (const query of ['', '&pw=quorum']) {
  const title = query === '' ? 'a write' : 'a write that asks for owners';
  test(`${title} is not acknowledged by owners of whom one has been replaced`, async () => {
    const { lab, key, slow, staying, former, joining: newcomer, knowsJoining } = await joining();
    for (const [a, b] of [
      [newcomer, former],
      [former, staying],
      [slow, staying],
    ] as const)
      lab.cut(a, b);
    slow.disk.delayMs = 30_000;
    let status: number | undefined;
    const put = slow.send({
      method: 'PUT',
      path: `/mec/${key}`,
      query: `timeout=45000${query}`,
      headers: {},
      ...bodyInMemory(Buffer.from('v')),
    });
    put.then(
      (answer) => (status = answer.status),
      () => (status = 0),
    );
    await lab.until(() => lab.held(former, key).length > 0 || status !== undefined, 500);
    await lab.wait(100);
    lab.network.cuts.clear();
    lab.cut(newcomer, former);
    lab.cut(former, staying);
    await lab.until(() => newcomer.node?.state === 'up' && !knowsJoining(staying), 27_000);
    const part = (): void => {
      for (const reader of [staying, newcomer])
        for (const holder of [slow, former]) lab.cut(reader, holder);
    };
    // If two owners cannot be reached, the former owner acts for one, unless owners are asked for.
    if (query !== '') part();
    await lab.until(() => status !== undefined, 60_000);
    part();
    const read = await lab.ask(staying, 'GET', key);
    assert.ok(
      status !== 200 || (read.status === 200 && textOf(read) === 'v'),
      `${status}, then ${read.status}`,
    );
  });
}

test('a listing does not count owners that have been replaced', async () => {
  const { lab, slow, staying, former, joining: newcomer, knowsJoining, ...it } = await joining();
  // All keys with this prefix have the same owners.
  const key = `{${it.key}}`;
  const query = `prefix=${encodeURIComponent(key)}`;
  for (const owner of [slow, staying]) lab.mend(newcomer, owner);
  await lab.until(() => newcomer.node?.state === 'up', 60_000);
  for (const other of [newcomer, slow, staying]) lab.cut(former, other);
  await lab.until(() => !knowsJoining(slow) && !knowsJoining(staying), 2_000);
  assert.ok(knowsJoining(former) && !knowsJoining(slow) && !knowsJoining(staying));
  for (const other of [newcomer, staying]) lab.cut(slow, other);
  const write = await lab.ask(staying, 'PUT', encodeURIComponent(key), { value: 'v' });
  assert.equal(write.status, 200, textOf(write));
  // The former owner asks before it has heard of the change.
  lab.mend(former, slow);
  const refused = (error: unknown): string[] => {
    assert.ok(error instanceof AnswerError, String(error));
    return [key];
  };
  const listing = listKeys(former, `${query}&timeout=2000`).then(({ keys }) => keys, refused);
  assert.deepEqual(await settled(lab, listing), [key]);
  lab.heal();
  await lab.rest();
  assert.deepEqual((await settled(lab, listKeys(former, query))).keys, [key]);
});

test('a listing needs a quorum of the next owners too', async () => {
  const before = await beforeJoin(3);
  const { lab, members, newcomer } = before;
  const { key: tag, nextOwners } = keyOfNewcomer(before);
  // All keys with this prefix have the same owners.
  const key = `{${tag}}`;
  const former = members.find(({ name }) => !nextOwners.includes(name)) as SimNode;
  const [asker, staying] = members.filter((node) => node !== former) as [SimNode, SimNode];
  newcomer.start();
  await lab.until(() => newcomer.node?.state === 'up', 60_000);
  // The newcomer and one owner know that the change is over. The others still know of a change.
  for (const one of [asker, former]) for (const other of [staying, newcomer]) lab.cut(one, other);
  await lab.wait(1_000);
  assert.deepEqual(
    [asker, former, staying].map((node) => stateAt(node, newcomer)),
    ['joining', 'joining', 'up'],
  );
  const path = encodeURIComponent(key);
  const write = await lab.ask(newcomer, 'PUT', path, { value: 'v', query: 'pw=quorum' });
  assert.equal(write.status, 200, textOf(write));
  const query = `prefix=${path}`;
  for (const waitMs of [0, 10_000]) {
    await lab.wait(waitMs);
    const listing = listKeys(asker, `${query}&timeout=2000`);
    await settled(
      lab,
      assert.rejects(listing, (error) => error instanceof AnswerError),
    );
  }
  lab.heal();
  await lab.rest();
  assert.deepEqual((await settled(lab, listKeys(asker, query))).keys, [key]);
});

test('a pending owner that reaches no owner takes no write, and the owners go on without it', async () => {
  const limits = { pendingBytesPerSecond: 400 };
  const { lab, members, newcomer: pending } = await beforeJoin(2, { limits });
  const owners = members as [SimNode, SimNode];
  for (let i = 0; i < 20; i++)
    await lab.ask(owners[0], 'PUT', `old-${i}`, { value: 'x'.repeat(400) });
  const isPendingAt = (owner: SimNode): boolean => stateAt(owner, pending) === 'joining';
  pending.start();
  await lab.until(() => owners.every(isPendingAt));
  await lab.wait(3_000);
  for (const owner of owners) lab.cut(pending, owner);
  await lab.wait(6_000);
  assert.ok(owners.every(isPendingAt));
  assert.equal(pending.node?.state, 'joining');
  // The owners would not ask it. So a read of all owners would miss the write.
  const alone = await lab.ask(pending, 'PUT', 'k', { value: 'v', query: 'w=1' });
  assert.equal(alone.status, 503, textOf(alone));
  const write = await lab.ask(owners[0], 'PUT', 'k', { value: 'v' });
  assert.equal(write.status, 200, textOf(write));
  const read = await lab.ask(owners[1], 'GET', 'k', { query: 'r=all' });
  assert.equal(textOf(read), 'v');
  lab.heal();
  await lab.rest();
});

test('a cluster of one is served while a second node joins, and if that fails', async () => {
  const lab = new Lab(1, { limits: { pendingBytesPerSecond: 400 } });
  const [first] = lab.cluster.nodes as [SimNode];
  await lab.until(() => first.node?.state === 'up', 60_000);
  for (let i = 0; i < 20; i++) await lab.ask(first, 'PUT', `old-${i}`, { value: 'x'.repeat(400) });
  const second = lab.cluster.add();
  second.start();
  await lab.until(() => second.node?.state === 'joining');
  await lab.wait(3_000);
  const isServed = async (key: string): Promise<void> => {
    const write = await lab.ask(first, 'PUT', key, { value: 'v' });
    assert.equal(write.status, 200, textOf(write));
    const read = await lab.ask(first, 'GET', key);
    assert.equal(textOf(read), 'v');
    const { keys } = await settled(lab, listKeys(first, 'prefix=' + key));
    assert.deepEqual(keys, [key]);
  };
  assert.equal(second.node?.state, 'joining');
  await isServed('one');
  second.crash();
  await lab.wait(10_000);
  await isServed('two');
});

test('a read ends in time although its only fallback becomes a pending owner', async () => {
  const lab = new Lab(4);
  await lab.born();
  const key = 'k';
  const [reader, leaving, other, fallback] = lab.order(key) as [SimNode, SimNode, SimNode, SimNode];
  assert.equal((await lab.ask(reader, 'PUT', key, { value: 'v' })).status, 200);
  for (const { name } of [leaving, other]) lab.network.cuts.add(`${reader.name}>${name}`);
  await lab.wait(6_000);
  assert.equal(textOf(await lab.ask(reader, 'GET', key)), 'v');
  // The reader does not hear of the change before the fallback is asked.
  const release = [leaving, other].map(({ name }) => lab.network.stall(`${name}>${reader.name}`));
  fallback.life?.pause();
  leaving.node?.leave();
  await lab.wait(600);
  let status: number | undefined;
  const read = reader.send({
    method: 'GET',
    path: `/mec/${key}`,
    query: 'timeout=2000',
    headers: {},
    ...bodyInMemory(Buffer.from('')),
  });
  read.then(
    (answer) => (status = answer.status),
    () => (status = 0),
  );
  await lab.wait(5);
  for (const go of release) go();
  await lab.wait(400);
  assert.equal(status, undefined);
  fallback.life?.resume();
  await lab.wait(1_700);
  assert.ok(status !== undefined, 'no answer at the timeout');
});

test('a node that owns nothing reads as a fallback, also while a new node joins', async () => {
  const before = await beforeJoin(4);
  const { lab, newcomer } = before;
  const { key } = keyOfNewcomer(before);
  const [owner, dead, alsoDead, reader] = lab.order(key) as [SimNode, SimNode, SimNode, SimNode];
  assert.equal((await lab.ask(owner, 'PUT', key, { value: 'v' })).status, 200);
  dead.crash();
  alsoDead.crash();
  await lab.wait(6_000);
  assert.equal(textOf(await lab.ask(reader, 'GET', key)), 'v');
  newcomer.start();
  await lab.until(() => newcomer.node?.state === 'joining');
  await lab.wait(5_000);
  assert.equal(newcomer.node?.state, 'joining');
  const read = await lab.ask(reader, 'GET', key);
  assert.equal(textOf(read), 'v', String(read.status));
});
