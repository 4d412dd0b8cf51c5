/** Tests of replicas that cannot read all that they have seen. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Env } from '../../src/base/env.ts';
import { MecError } from '../../src/base/errors.ts';
import { STORE_REOPEN_MS } from '../../src/storage/limits.ts';
import { SYNC_LIMITS } from '../../src/cluster/limits.ts';
import { Conversations } from '../../src/cluster/sync/conversations.ts';
import { servePull } from '../../src/cluster/sync/pull-server.ts';
import { CausalContext } from '../../src/core/causality/causal-context.ts';
import type { Statement } from '../../src/core/causality/evidence.ts';
import { partitionOf } from '../../src/core/placement/partition.ts';
import type { Salvage } from '../../src/storage/engine.ts';
import {
  asideRow,
  checkpointRow,
  logRow,
  markRow,
  metaRow,
  objectRow,
} from '../../src/storage/keyspace.ts';
import { MemoryDisk } from '../../src/storage/memory.ts';
import type { Replica } from '../../src/storage/replica/replica.ts';
import type { ReplicaMerge, ReplicaWritten } from '../../src/storage/replica/replica-changes.ts';
import { Store } from '../../src/storage/store.ts';
import { encryption, MemoryKeys } from '../fixtures/memory-keys.ts';
import { ManualClock, memoryLog, nextTurn, seededRandom } from '../fixtures/fake-env.ts';

const none = new CausalContext();
const KEY = 'k';
const HOME = partitionOf(KEY);
let seed = 1;
/** One set of keys for all stores, as if each had been put back with its own. */
const atRest = encryption.isOn ? new MemoryKeys(seededRandom(1)) : undefined;

interface Bench {
  readonly store: Store;
  readonly replica: Replica;
  readonly clock: ManualClock;
}

async function openStore(disk: MemoryDisk, nodeName = 'n1'): Promise<Bench> {
  const clock = new ManualClock();
  const env = { clock, log: memoryLog(), random: seededRandom(seed++) };
  const life = `life${seed}`;
  const options = { env, nodeName, life, openEngine: disk.open, atRest, sync: true };
  const store = await Store.open({ ...options, maxLogEntries: SYNC_LIMITS.maxLogEntries });
  return { store, replica: store.of(HOME), clock };
}

const texts = (replica: Replica, key = KEY): string[] =>
  replica.read(key).versions.map(({ body }) => Buffer.from(body).toString());

async function write(
  replica: Replica,
  text: string | undefined,
  token = none,
  key = KEY,
): Promise<ReplicaWritten> {
  const body = text === undefined ? undefined : Buffer.from(text);
  let written: ReplicaWritten | undefined;
  await new Promise<void>((resolve, reject) => {
    written = replica.write({ key, token, body }, (error) =>
      error === undefined ? resolve() : reject(error),
    );
  });
  return written as ReplicaWritten;
}

const mergeInto = (replica: Replica, merge: ReplicaMerge): Promise<void> =>
  new Promise((resolve, reject) =>
    replica.merge(merge, (error) => (error === undefined ? resolve() : reject(error))),
  );

function flip(disk: MemoryDisk, row: string): void {
  const record = Uint8Array.from(disk.rows.get(row) as Uint8Array);
  record[record.length - 1] = (record[record.length - 1] as number) ^ 1;
  disk.rows.set(row, record);
}

/** A key of the same partition as `KEY`. */
function neighbour(): string {
  for (let n = 0; ; n++) if (partitionOf(`n${n}`) === HOME) return `n${n}`;
}

/** A store with one key, whose record a crash has left damaged. */
async function damagedStore(): Promise<Bench & { disk: MemoryDisk; lost: ReplicaWritten }> {
  const disk = new MemoryDisk();
  const first = await openStore(disk);
  const lost = await write(first.replica, 'lost');
  await write(first.replica, 'other', none, neighbour());
  disk.isOpen = false;
  flip(disk, objectRow(HOME, KEY));
  return { ...(await openStore(disk)), disk, lost };
}

test('a key with a damaged record is unknown and not absent', async () => {
  const { replica, lost, disk } = await damagedStore();
  const { versions, context } = replica.read(KEY);
  assert.deepEqual(versions, []);
  assert.equal(context.isEmpty, true, 'it claims no overwriting');
  assert.throws(
    () => replica.readWhole(KEY),
    (error) => error instanceof MecError && error.code === 'damaged',
  );
  assert.deepEqual(texts(replica, neighbour()), ['other']);
  assert.equal(replica.isWhole, false);
  assert.equal(replica.marks.need(KEY)?.has(lost.dot.actor, lost.dot.counter), true);
  await replica.commits.whenDurable();
  disk.isOpen = false;
  const again = await openStore(disk);
  assert.equal(again.replica.marks.has(KEY), true, 'the mark is durable');
  assert.equal(disk.rows.has(objectRow(HOME, KEY)), false);
});

test('a write to a marked key claims only itself and the dots that its writer had seen', async () => {
  const { replica } = await damagedStore();
  replica.read(KEY);
  await write(replica, 'elsewhere', none, neighbour());
  const seen = CausalContext.ofDots([{ actor: 'x~y', counter: 3 }]);
  const written = await write(replica, 'since', seen);
  const expected = seen.clone();
  expected.add(written.dot.actor, written.dot.counter);
  assert.equal(written.token.toString(), expected.toString());
  assert.equal(written.object.context.toString(), expected.toString(), 'no bases are sent');
  assert.equal(
    replica.read(KEY).context.toString(),
    expected.toString(),
    'and none are stripped off',
  );
  await replica.sweep.run();
  assert.equal(replica.read(KEY).context.toString(), expected.toString());
  assert.equal(replica.marks.has(KEY), true);
  assert.deepEqual(texts(replica), ['since']);
});

test('a key whose mark was taken off has an ordinary object', async () => {
  const { replica, lost, disk } = await damagedStore();
  replica.read(KEY);
  const peer = (await openStore(new MemoryDisk(), 'n2')).replica;
  await mergeInto(peer, { key: KEY, object: lost.object, dots: [lost.dot] });
  await mergeInto(replica, { key: KEY, object: peer.read(KEY), dots: [] });
  replica.marks.shrink(KEY, peer.clock);
  const need = replica.marks.need(KEY);
  assert.equal(
    need?.has(lost.dot.actor, 1),
    false,
    'the peer has seen it, and so has whatever became of it',
  );
  assert.equal(need?.isEmpty, false, 'it has not seen the write to the other key');
  replica.repair.unmark(KEY, () => {});
  await replica.commits.whenDurable();
  assert.deepEqual(texts(replica), ['lost']);
  assert.equal(replica.residues.count, 0);
  assert.equal(replica.isWhole, true);
  assert.equal(disk.rows.has(markRow(HOME, KEY)), false);
});

test('the log entries of a marked key whose effect may be lost are not served', async () => {
  const { replica, lost } = await damagedStore();
  replica.read(KEY);
  const since = await write(replica, 'since');
  const nothing = {
    lost: none,
    aside: none,
    life: 'x',
    actor: 'x',
    isOwner: true,
    isComplete: true,
    isWhole: true,
  };
  const asker = { ...nothing, replica: 'x', clock: none };
  const own = { ...nothing, replica: replica.id, clock: replica.durableClock };
  const { items } = await servePull(replica, { asker, own }, SYNC_LIMITS);
  assert.deepEqual(
    items.find(({ key }) => key === KEY)?.dots.map(({ actor }) => actor),
    [since.dot.actor],
  );
  assert.notEqual(since.dot.actor, lost.dot.actor);
  assert.equal(items.find(({ key }) => key === neighbour())?.dots.length, 1);
});

test('a replica that cannot read a key serves no snapshot, and ends the one under way', async () => {
  const disk = new MemoryDisk();
  const { replica } = await openStore(disk);
  for (const key of [KEY, neighbour()]) await write(replica, 'value', none, key);
  const env = {
    clock: new ManualClock(),
    random: seededRandom(seed++),
    log: memoryLog(),
  } as unknown as Env;
  const said = {
    lost: none,
    aside: none,
    life: 'x',
    actor: 'x',
    isOwner: true,
    isComplete: true,
    isWhole: true,
  };
  const makeStatement = (): Statement => ({
    ...said,
    replica: replica.id,
    clock: replica.durableClock,
  });
  const conversations = new Conversations({
    env,
    limits: { ...SYNC_LIMITS, pageDots: 1 },
    makeStatement,
  });
  const ask = {
    kind: 'snapshot',
    from: 'n2',
    partition: HOME,
    after: undefined,
    isComplete: true,
  } as const;
  const first = await conversations.serve(replica, { ...ask, id: undefined });
  assert.equal(first.items.length, 1);
  replica.marks.add('some key', replica.clock);
  await assert.rejects(conversations.serve(replica, { ...ask, id: first.id, after: first.next }), {
    code: 'behind',
  });
  await assert.rejects(conversations.serve(replica, { ...ask, id: undefined }), {
    code: 'damaged',
  });
  conversations.end();
});

test('the clock hash of a replica that cannot read a key equals no other', async () => {
  const { replica } = await damagedStore();
  const { clockHash } = replica;
  replica.read(KEY);
  assert.notEqual(replica.clockHash, clockHash);
});

test('a damaged log entry wounds its replica, and sets its versions aside', async () => {
  const disk = new MemoryDisk();
  const first = await openStore(disk);
  const { dot } = await write(first.replica, 'kept');
  const { actor } = first.replica;
  const other = [...Array(50).keys()]
    .map((n) => `o${n}`)
    .find((key) => partitionOf(key) !== HOME) as string;
  await write(first.store.of(partitionOf(other)), 'elsewhere', none, other);
  disk.isOpen = false;
  flip(disk, logRow(HOME, dot));
  const { store, replica } = await openStore(disk);
  assert.equal(replica.clock.isEmpty, true);
  assert.deepEqual(texts(replica), []);
  assert.equal(replica.status.isWounded, true);
  assert.equal(replica.asideDots.has(dot.actor, dot.counter), true);
  assert.equal(replica.setAside.versionsOf(KEY).length, 1);
  assert.notEqual(replica.actor, actor);
  replica.markComplete(true);
  assert.equal(replica.isComplete, false, 'not with anything set aside');
  assert.throws(() => replica.readWhole('nothing'), MecError);
  assert.deepEqual(
    texts(store.of(partitionOf(other)), other),
    ['elsewhere'],
    'the others are untouched',
  );
  assert.equal(disk.rows.has(asideRow(HOME, KEY)), true);
  disk.isOpen = false;
  const again = (await openStore(disk)).replica;
  assert.equal(again.asideDots.has(dot.actor, dot.counter), true, 'it is remembered');
});

test('the next start dresses a wound that a crash left open', async () => {
  const disk = new MemoryDisk();
  const first = await openStore(disk);
  const { dot } = await write(first.replica, 'kept');
  disk.isOpen = false;
  flip(disk, logRow(HOME, dot));
  // The process of the next start ends after its first batch.
  const progress = { commits: 0 };
  const crash = async (): ReturnType<typeof disk.open> => {
    const engine = await disk.open();
    const commit = engine.commit.bind(engine);
    engine.commit = (changes, sync) =>
      ++progress.commits > 1 ? new Promise(() => {}) : commit(changes, sync);
    return engine;
  };
  const env = { clock: new ManualClock(), log: memoryLog(), random: seededRandom(seed++) };
  void Store.open({
    env,
    nodeName: 'n1',
    life: 'x',
    openEngine: crash,
    atRest,
    sync: true,
    maxLogEntries: 9,
  });
  while (progress.commits < 2) await nextTurn();
  disk.isOpen = false;
  const { replica } = await openStore(disk);
  assert.equal(replica.clock.isEmpty, true);
  assert.equal(replica.setAside.versionsOf(KEY).length, 1);
  assert.equal(disk.rows.has(objectRow(HOME, KEY)), false);
});

test('a mended disk wounds the replicas that may have lost rows, and sets stray versions aside', async () => {
  const disk = new MemoryDisk();
  const first = await openStore(disk);
  await write(first.replica, 'kept');
  const lost = await write(first.replica, 'stray', none, neighbour());
  disk.isOpen = false;
  const row = objectRow(HOME, neighbour());
  const stray = disk.rows.get(row) as Uint8Array;
  disk.rows.delete(row);
  let isEnded = false;
  disk.salvage = {
    lost: [{ first: row, last: `${row}~` }],
    report: 'a block',
    recoveredRows: async function* recoveredRows() {
      yield [row, stray] as const;
      yield [objectRow(HOME, 'damaged'), stray] as const;
    },
    end: async () => void (isEnded = true),
  } satisfies Salvage;
  const { replica } = await openStore(disk);
  assert.equal(isEnded, true);
  assert.deepEqual(
    [replica.setAside.versionsOf(KEY).length, replica.setAside.versionsOf(neighbour()).length],
    [1, 1],
  );
  assert.equal(replica.asideDots.has(lost.dot.actor, lost.dot.counter), true);
  assert.deepEqual(replica.setAside.versionsOf('damaged'), []);
});

test('versions behind the cut of a log of LevelDB are set aside', async () => {
  const disk = new MemoryDisk();
  const first = await openStore(disk);
  await write(first.replica, 'old');
  const before = new Map(disk.rows);
  const { dot } = await write(first.replica, 'new', none, neighbour());
  const row = objectRow(HOME, neighbour());
  const stray = disk.rows.get(row) as Uint8Array;
  const old = disk.rows.get(objectRow(HOME, KEY)) as Uint8Array;
  disk.isOpen = false;
  disk.rows.clear();
  for (const [key, value] of before) disk.rows.set(key, value);
  disk.salvage = {
    lost: [],
    report: 'a log',
    recoveredRows: async function* recoveredRows() {
      yield [row, stray] as const;
      yield [objectRow(HOME, KEY), old] as const;
    },
    end: async () => {},
  } satisfies Salvage;
  const { replica } = await openStore(disk);
  assert.deepEqual(texts(replica), ['old']);
  assert.equal(replica.status.isWounded, false);
  assert.equal(
    replica.asideDots.toString(),
    CausalContext.ofDots([dot]).toString(),
    'only what the clock has not',
  );
});

test('damage of a row without a key wounds the replica when the store is opened again', async () => {
  const disk = new MemoryDisk();
  const { replica } = await openStore(disk);
  const { dot } = await write(replica, 'kept');
  replica.markComplete(true);
  await replica.commits.whenDurable();
  disk.isOpen = false;
  flip(disk, checkpointRow(HOME));
  // The verification of the running store finds it.
  const second = await openStore(disk);
  assert.equal(second.replica.status.isWounded, true);
  assert.equal(second.replica.asideDots.has(dot.actor, 1), true);
});

test('verification finds a record under a damaged name, and wounds its replica', async () => {
  const disk = new MemoryDisk();
  const { store, replica } = await openStore(disk);
  const { dot } = await write(replica, 'kept');
  await write(replica, 'moved', none, neighbour());
  await store.close();
  const row = objectRow(HOME, neighbour());
  const record = disk.rows.get(row) as Uint8Array;
  disk.rows.delete(row);
  const wrong = ['a', 'b', 'c', 'd']
    .map((letter) => neighbour() + letter)
    .find((key) => partitionOf(key) !== HOME);
  disk.rows.set(objectRow(HOME, wrong as string), record);
  const second = await openStore(disk);
  assert.equal(second.replica.status.isWounded, false);
  await second.store.verify();
  assert.equal(second.store.isOpen, false, 'it is opened again');
  await nextTurn();
  second.clock.advance(STORE_REOPEN_MS);
  while (!second.store.isOpen) await nextTurn();
  const wounded = second.store.of(HOME);
  assert.equal(wounded.status.isWounded, true);
  assert.equal(wounded.asideDots.has(dot.actor, dot.counter), true);
});

test('a store with a damaged header and a damaged member list opens', async () => {
  const disk = new MemoryDisk();
  const { store, replica } = await openStore(disk);
  await write(replica, 'kept');
  const list = { all: () => [], hash: 7 };
  store.keepMembers({ list, n: 3, marks: ['a'], missedNames: [] }, () => {});
  await store.close();
  flip(disk, metaRow('header'));
  flip(disk, metaRow('members'));
  const second = await openStore(disk);
  assert.deepEqual(texts(second.replica), ['kept']);
  assert.deepEqual(second.store.keptMembers(), []);
  await second.store.verify();
  assert.equal(second.store.isOpen, true);
});
