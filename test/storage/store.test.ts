import assert from 'node:assert/strict';
import { test } from 'node:test';
import { MecError, StartError } from '../../src/base/errors.ts';
import { PARTITIONS } from '../../src/core/limits.ts';
import { COUNT_REPLICAS, MAX_SIBLINGS, STORE_REOPEN_MS } from '../../src/storage/limits.ts';
import { SYNC_LIMITS } from '../../src/cluster/limits.ts';
import { drawShortName } from '../../src/core/causality/actor.ts';
import { CausalContext, type Dot } from '../../src/core/causality/causal-context.ts';
import type { OpenEngine } from '../../src/storage/engine.ts';
import { kindRange, metaRow, objectRow } from '../../src/storage/keyspace.ts';
import { MemoryDisk } from '../../src/storage/memory.ts';
import { sealRecord } from '../../src/storage/records.ts';
import type { Replica } from '../../src/storage/replica/replica.ts';
import type { ReplicaMerge, ReplicaWritten } from '../../src/storage/replica/replica-changes.ts';
import { Store } from '../../src/storage/store.ts';
import { differing, listingSlowly } from '../fixtures/differing-engine.ts';
import { ManualClock, memoryLog, nextTurn, seededRandom } from '../fixtures/fake-env.ts';

const { maxLogEntries } = SYNC_LIMITS;
let seed = 1;
const none = new CausalContext();
const body = (text: string): Uint8Array => Buffer.from(text);
const texts = (replica: Replica, key = 'k'): string[] =>
  replica.read(key).versions.map((version) => Buffer.from(version.body).toString());

interface Bench {
  readonly store: Store;
  readonly clock: ManualClock;
  readonly log: ReturnType<typeof memoryLog>;
}

async function openStore(openEngine: OpenEngine, nodeName = 'n1'): Promise<Bench> {
  const clock = new ManualClock();
  const log = memoryLog();
  // Every life draws other names, as real ones do.
  const env = { clock, log, random: seededRandom(seed++) };
  const life = drawShortName(env.random);
  const options = { env, life, nodeName, openEngine, sync: true, maxLogEntries };
  return { store: await Store.open(options), clock, log };
}

interface WriteOptions {
  readonly key?: string;
  readonly token?: CausalContext;
  readonly text?: string | undefined;
}

function write(
  replica: Replica,
  { key = 'k', token = none, text }: WriteOptions,
): { written: ReplicaWritten; durable: Promise<void> } {
  let settle: (error?: MecError) => void = () => {};
  const durable = new Promise<void>((resolve, reject) => {
    settle = (error) => (error === undefined ? resolve() : reject(error));
  });
  durable.catch(() => {});
  const written = replica.write(
    { key, token, body: text === undefined ? undefined : body(text) },
    (error) => settle(error),
  );
  return { written, durable };
}

const mergeInto = (replica: Replica, merge: ReplicaMerge): Promise<void> =>
  new Promise((resolve, reject) =>
    replica.merge(merge, (error) => (error === undefined ? resolve() : reject(error))),
  );

/** Opens engines that a test can make fail, or whose commits it can hold up. */
function faulty(disk: MemoryDisk): {
  open: OpenEngine;
  failWith: Error | undefined;
  hold: boolean;
} {
  const control = {
    failWith: undefined as Error | undefined,
    hold: false,
    open: differing(disk, (engine) => ({
      commit: async (changes, sync) => {
        if (control.failWith !== undefined) throw control.failWith;
        if (control.hold) await new Promise(() => {});
        return engine.commit(changes, sync);
      },
    })),
  };
  return control;
}

test('the count of keys is exact although writes wait for the disk meanwhile', async () => {
  const disk = new MemoryDisk();
  const before = await openStore(disk.open);
  const tokens = new Map<string, CausalContext>();
  for (let i = 0; i < 100; i++) {
    const { written, durable } = write(before.store.of(i % 3), { key: `old${i}`, text: 'x' });
    tokens.set(`old${i}`, written.token);
    await durable;
  }
  await before.store.close();
  // Each access to the disk takes a few turns, so that counting and writing mix.
  const slow = differing(disk, (engine) => ({
    commit: async (changes, sync) => {
      for (let i = 0; i < 3; i++) await nextTurn();
      return engine.commit(changes, sync);
    },
    ...listingSlowly(engine),
  }));
  const { store } = await openStore(slow);
  const counting = (async () => {
    for (let i = 0; i < PARTITIONS / COUNT_REPLICAS; i++) await store.sweep();
  })();
  const durables: Promise<void>[] = [];
  for (let i = 0; i < 60; i++) {
    const partition = i % 3;
    durables.push(write(store.of(partition), { key: `new${i}`, text: 'x' }).durable);
    const key = `old${i}`;
    if (i % 2 === 0)
      durables.push(
        write(store.of(partition), { key, token: tokens.get(key) as CausalContext }).durable,
      );
    // The key comes and goes before the batch is written.
    const { written } = write(store.of(partition), { key: `brief${i}`, text: 'x' });
    durables.push(write(store.of(partition), { key: `brief${i}`, token: written.token }).durable);
    if (i % 5 === 0) await nextTurn();
  }
  await Promise.all([counting, ...durables]);
  const rows = [...disk.rows.keys()].filter((row) => row.startsWith('o')).length;
  assert.equal(rows, 130);
  assert.equal(store.status().keys, rows);
  const readable = (name: string): boolean[] =>
    Array.from({ length: 60 }, (_, i) => texts(store.of(i % 3), `${name}${i}`).length > 0);
  assert.deepEqual(
    readable('new'),
    Array.from({ length: 60 }, () => true),
  );
  assert.deepEqual(
    readable('old'),
    Array.from({ length: 60 }, (_, i) => i % 2 === 1),
  );
});

test('no key is taken for absent while the filter of a replica is made again', async () => {
  const disk = new MemoryDisk();
  let asked = 0;
  const watched = differing(disk, (engine) => ({
    get: (row) => {
      asked += Number(row.startsWith('o'));
      return engine.get(row);
    },
    ...listingSlowly(engine),
  }));
  const { store } = await openStore(watched);
  const replica = store.of(0);
  const { rows } = replica;
  let made = 0;
  const writeSome = async (): Promise<void> => {
    const durables = Array.from({ length: 20 }, () => {
      const { written, durable } = write(replica, { key: `k${made++}`, text: 'x' });
      // Every second key goes again, and stays in the filter.
      if (made % 2 === 0) return durable;
      return write(replica, { key: `k${made - 1}`, token: written.token }).durable;
    });
    await Promise.all(durables);
  };
  const sweeps = async (): Promise<void> => {
    for (let i = 0; i < PARTITIONS / COUNT_REPLICAS; i++) await store.sweep();
  };
  await sweeps();
  let fillings = 0;
  while (fillings < 3) {
    for (let i = 0; i < 1000 && !rows.isCountDue; i++) await writeSome();
    assert.ok(rows.isCountDue);
    const counting = sweeps();
    for (let i = 0; i < 5; i++) await writeSome();
    await counting;
    assert.equal(rows.isCountDue, false);
    fillings += 1;
  }
  assert.equal(rows.objects, made / 2);
  for (let i = 0; i < made; i++) assert.equal(texts(replica, `k${i}`).length, i % 2, `k${i}`);
  asked = 0;
  for (let i = 0; i < 1000; i++) assert.deepEqual(texts(replica, `never${i}`), []);
  assert.ok(asked < 50, `the disk was asked for ${asked} of 1000 absent keys`);
});

test('an object, its log entry and the clock come back after a crash', async () => {
  const disk = new MemoryDisk();
  const first = await openStore(disk.open);
  const { written, durable } = write(first.store.of(7), { text: 'one' });
  await durable;
  disk.isOpen = false; // The process is gone; nothing was closed.
  const second = await openStore(disk.open);
  const replica = second.store.of(7);
  assert.deepEqual(texts(replica), ['one']);
  assert.equal(replica.clock.has(written.dot.actor, 1), true);
  assert.equal(replica.log.length, 1);
});

test('a lost version is put back only from a replica with the same clock', async () => {
  const from = (await openStore(new MemoryDisk().open)).store.of(0);
  await write(from, { text: 'one' }).durable;
  const disk = new MemoryDisk();
  const { store } = await openStore(disk.open, 'n2');
  const replica = store.of(0);
  const { object, dot } = write(from, { text: 'two' }).written;
  await mergeInto(replica, { key: 'k', object, dots: [{ ...dot, counter: 1 }, dot] });
  const restore = (key: string, given: ReplicaMerge['object']): boolean =>
    replica.repair.restore({ key, object: given }, () => {});
  assert.equal(restore('k', object), false, 'nothing was lost');
  // The disk loses the row under the running store.
  const lost = loseRow(disk, objectRow(0, 'k'));
  const again = (await openStore(lost.open, 'n2')).store.of(0);
  assert.deepEqual(texts(again), []);
  await mergeInto(again, { key: 'k', object, dots: [] });
  assert.deepEqual(texts(again), [], 'its own clock says that both are gone');
  const tryRestore = (given: ReplicaMerge['object']): boolean =>
    again.repair.restore({ key: 'k', object: given }, () => {});
  const more = CausalContext.ofBase(dot.actor, 3);
  assert.equal(tryRestore({ ...object, context: more }), false, 'the other has seen more');
  assert.equal(
    tryRestore({ versions: [], context: object.context }),
    false,
    'the other has nothing either',
  );
  assert.equal(tryRestore(object), true);
  assert.deepEqual(texts(again), ['one', 'two']);
  assert.equal(tryRestore(object), false, 'it is all there');
  // A gap, and a residue.
  const extra = { actor: 'n9~x', counter: 2 };
  await mergeInto(again, {
    key: 'other',
    object: { versions: [], context: CausalContext.ofDots([extra]) },
    dots: [extra],
  });
  const third = [...object.versions, { ...dot, counter: 3, body: body('three') }];
  const context = again.clock.clone();
  assert.equal(tryRestore({ versions: third, context }), false, 'a clock with a gap');
});

function loseRow(disk: MemoryDisk, row: string): MemoryDisk {
  const copy = new MemoryDisk();
  for (const [key, value] of disk.rows) if (key !== row) copy.rows.set(key, value);
  assert.equal(copy.rows.size, disk.rows.size - 1);
  return copy;
}

test('every start writes under another actor, even on an older copy of the disk', async () => {
  const disk = new MemoryDisk();
  const first = await openStore(disk.open);
  await write(first.store.of(0), { text: 'one' }).durable;
  await first.store.close();
  const rolledBack = new Map(disk.rows);
  const second = await openStore(disk.open);
  const two = write(second.store.of(0), { key: 'other', text: 'two' });
  await two.durable;
  await second.store.close();
  disk.rows.clear();
  for (const [row, record] of rolledBack) disk.rows.set(row, record);
  const third = await openStore(disk.open);
  const three = write(third.store.of(0), { key: 'other', text: 'three' });
  assert.notDeepEqual(three.written.dot, two.written.dot);
});

test('an actor enters the clock with its first write', async () => {
  const disk = new MemoryDisk();
  const first = await openStore(disk.open);
  const { written, durable } = write(first.store.of(0), { text: 'one' });
  await durable;
  await first.store.close();
  await (await openStore(disk.open)).store.close();
  const third = await openStore(disk.open);
  assert.deepEqual([...third.store.of(0).clock.actors()], [written.dot.actor]);
});

test('a replica that begins again in one life writes under another actor', async () => {
  const { store } = await openStore(new MemoryDisk().open);
  const first = store.of(0);
  assert.equal(await store.drop(0), true);
  assert.equal(store.of(0).actor, first.actor, 'the first has written nothing');
  assert.notEqual(store.of(0).id, first.id);
  const { written, durable } = write(store.of(0), { text: 'one' });
  await durable;
  assert.equal(await store.drop(0), true);
  assert.equal(store.of(0).actor, `${written.dot.actor}.2`);
  assert.equal(store.of(1).actor, first.actor, 'other partitions go on');
});

test('a replica writes under another actor after a crash', async () => {
  const disk = new MemoryDisk();
  const control = faulty(disk);
  const peer = (await openStore(new MemoryDisk().open, 'n2')).store.of(0);
  const first = await openStore(control.open);
  await write(first.store.of(0), { key: 'a', text: 'kept' }).durable;
  // This write leaves for a peer, and the node dies before its own disk has it.
  control.hold = true;
  const lost = write(first.store.of(0), { text: 'sent, not kept' });
  await mergeInto(peer, { key: 'k', object: lost.written.object, dots: [lost.written.dot] });
  disk.isOpen = false;
  control.hold = false;
  const second = await openStore(control.open);
  const after = write(second.store.of(0), { text: 'after' });
  assert.notDeepEqual(after.written.dot, lost.written.dot);
  await mergeInto(peer, { key: 'k', object: after.written.object, dots: [after.written.dot] });
  assert.deepEqual(texts(peer).sort(), ['after', 'sent, not kept'], 'both writes are there');
});

test('a store of a node of another name is refused and not changed', async () => {
  const disk = new MemoryDisk();
  const first = await openStore(disk.open, 'n1');
  await write(first.store.of(0), { text: 'one' }).durable;
  await first.store.close();
  const before = new Map(disk.rows);
  await assert.rejects(
    openStore(disk.open, 'renamed'),
    (error) =>
      error instanceof StartError && /belongs to the node n1, .* renamed/.test(error.message),
  );
  assert.equal(disk.isOpen, false);
  assert.deepEqual(disk.rows, before);
  const again = await openStore(disk.open, 'n1');
  assert.deepEqual(texts(again.store.of(0)), ['one']);
});

test('an actor is given up if a peer has dots of it that it never gave', async () => {
  const { store, log } = await openStore(new MemoryDisk().open);
  const replica = store.of(0);
  const { actor } = replica;
  const foreign: Dot = { actor, counter: 5 };
  const object = {
    versions: [{ ...foreign, body: body('not mine') }],
    context: CausalContext.ofDots([foreign]),
  };
  await mergeInto(replica, { key: 'k', object, dots: [] });
  assert.notEqual(replica.actor, actor);
  assert.ok(log.lines.some((line) => line.startsWith('error actor given up')));
  assert.notDeepEqual(write(replica, { text: 'mine' }).written.dot, foreign);
});

test('a token with dots of this replica that it never gave is refused', async () => {
  const replica = (await openStore(new MemoryDisk().open)).store.of(0);
  const token = CausalContext.ofBase(replica.actor, 1);
  assert.throws(
    () => write(replica, { token, text: 'x' }),
    (error) => error instanceof MecError && error.code === 'bad-vclock',
  );
  assert.deepEqual(texts(replica), []);
  assert.equal(replica.clock.isEmpty, true);
});

test('the context of one received key is not added to the clock', async () => {
  const replica = (await openStore(new MemoryDisk().open)).store.of(0);
  const context = CausalContext.ofBase('n2~x', 5);
  await mergeInto(replica, {
    key: 'k',
    object: { versions: [{ actor: 'n2~x', counter: 5, body: body('v') }], context },
    dots: [],
  });
  assert.equal(replica.clock.toString(), '{n2~x:5}');
});

test('a late merge of an overwritten version changes nothing', async () => {
  const a = (await openStore(new MemoryDisk().open, 'n1')).store.of(0);
  const b = (await openStore(new MemoryDisk().open, 'n2')).store.of(0);
  const first = write(a, { text: 'one' });
  const late: ReplicaMerge = { key: 'k', object: first.written.object, dots: [first.written.dot] };
  const second = write(a, { token: first.written.token, text: 'two' });
  await mergeInto(b, { key: 'k', object: second.written.object, dots: [second.written.dot] });
  await mergeInto(b, late);
  await mergeInto(b, late);
  assert.deepEqual(texts(b), ['two']);
});

test('a deleted key leaves a residue until the clock covers the delete', async () => {
  const disk = new MemoryDisk();
  const { store } = await openStore(disk.open, 'n2');
  const replica = store.of(0);
  const a = (await openStore(new MemoryDisk().open, 'n1')).store.of(0);
  const other = write(a, { key: 'other', text: 'x' });
  const put = write(a, { text: 'one' });
  const gone = write(a, { token: put.written.token, text: undefined });
  const rows = (kind: string): string[] =>
    [...disk.rows.keys()].filter((row) => row.startsWith(kind));
  // The first write of the partition is late, so the clock has a gap below the delete.
  await mergeInto(replica, { key: 'k', object: put.written.object, dots: [put.written.dot] });
  await mergeInto(replica, { key: 'k', object: gone.written.object, dots: [gone.written.dot] });
  assert.deepEqual([rows('o').length, rows('r').length, replica.residues.count], [0, 1, 1]);
  await mergeInto(replica, {
    key: 'other',
    object: other.written.object,
    dots: [other.written.dot],
  });
  await store.sweep();
  await store.whenIdle();
  assert.deepEqual([rows('o').length, rows('r').length, replica.residues.count], [1, 0, 0]);
});

test('a key has a limit of siblings, which does not stop a delete', async () => {
  const replica = (await openStore(new MemoryDisk().open)).store.of(0);
  for (let i = 0; i < MAX_SIBLINGS; i++) write(replica, { text: `${i}` });
  assert.throws(
    () => write(replica, { text: 'one too many' }),
    (error) => error instanceof MecError && error.code === 'too-many-siblings',
  );
  assert.equal(texts(replica).length, MAX_SIBLINGS);
  write(replica, { token: replica.read('k').context, text: undefined });
  assert.deepEqual(texts(replica), []);
});

test('the clock is whole after a start with a log that was cut', async () => {
  const disk = new MemoryDisk();
  const { store } = await openStore(disk.open);
  const replica = store.of(3);
  let last: Promise<void> = Promise.resolve();
  let token = none;
  for (let i = 0; i <= maxLogEntries + 10; i++) {
    const { written, durable } = write(replica, { token, text: 'x' });
    ({ token } = written);
    last = durable;
    if (i % 512 === 0) await durable;
  }
  await last;
  while (replica.log.length > maxLogEntries) await nextTurn();
  await store.whenIdle();
  const { actor } = replica;
  const logRows = [...disk.rows.keys()].filter((row) => row.startsWith('l')).length;
  assert.equal(logRows, replica.log.length);
  assert.ok(logRows < maxLogEntries);
  disk.isOpen = false;
  const again = (await openStore(disk.open)).store.of(3);
  assert.equal(again.clock.base(actor), maxLogEntries + 11);
});

test('a read after a write never returns an older object from the cache', async () => {
  const disk = new MemoryDisk();
  const control = faulty(disk);
  const { store } = await openStore(control.open);
  const replica = store.of(0);
  const first = write(replica, { text: 'one' });
  assert.deepEqual(texts(replica), ['one'], 'not durable yet');
  await first.durable;
  assert.deepEqual(
    [texts(replica), texts(replica)],
    [['one'], ['one']],
    'from the disk, and at hand',
  );
  const second = write(replica, { token: first.written.token, text: 'two' });
  assert.deepEqual(texts(replica), ['two']);
  await second.durable;
  assert.deepEqual([texts(replica), texts(replica)], [['two'], ['two']]);
  const dropping = store.drop(0);
  while (store.of(0) === replica) await nextTurn();
  assert.deepEqual(texts(store.of(0)), [], 'while its rows go');
  assert.equal(await dropping, true);

  const next = store.of(0);
  await write(next, { text: 'three' }).durable;
  assert.deepEqual([texts(next), texts(next)], [['three'], ['three']]);
  control.failWith = new MecError('disk-full');
  const lost = write(next, { key: 'other', text: 'lost' });
  await assert.rejects(lost.durable);
  // The clock has the dot of the lost write, so the cached object would claim too much.
  assert.throws(
    () => next.read('k'),
    (error) => error instanceof MecError && error.code === 'disk-full',
  );
});

test('a cut of the log scans only for actors that have entries', async () => {
  const disk = new MemoryDisk();
  let scans = 0;
  const open = differing(disk, (engine) => ({
    scan: (range) => {
      scans += 1;
      return engine.scan(range);
    },
  }));
  const { store } = await openStore(open);
  const replica = store.of(0);
  for (let i = 0; i < 50; i++) {
    const actor = `n2~${i}`;
    const dot = { actor, counter: 1 };
    const object = {
      versions: [{ ...dot, body: body('x') }],
      context: CausalContext.ofDots([dot]),
    };
    await mergeInto(replica, { key: `k${i}`, object, dots: [dot] });
  }
  assert.equal(replica.log.length, 50);
  const some = CausalContext.ofDots(
    Array.from({ length: 49 }, (_, i) => ({ actor: `n2~${i}`, counter: 1 })),
  );
  await replica.cutter.cutCovered(some);
  assert.equal(replica.log.length, 1);
  const before = scans;
  await replica.cutter.cutCovered(replica.durableClock);
  assert.equal(replica.log.length, 0);
  await replica.cutter.cutCovered(replica.durableClock);
  assert.equal(scans - before, 1);
});

test('the log counts its entries right if some are added during a cut', async () => {
  const disk = new MemoryDisk();
  let meanwhile: (() => void) | undefined;
  const open = differing(disk, (engine) => ({
    scan: async (range) => {
      const rows = await engine.scan(range);
      meanwhile?.();
      return rows;
    },
  }));
  const { store } = await openStore(open);
  const replica = store.of(0);
  const take = (actor: string, counter: number): Promise<void> => {
    const dot = { actor, counter };
    const object = {
      versions: [{ ...dot, body: body('x') }],
      context: CausalContext.ofDots([dot]),
    };
    return mergeInto(replica, { key: `${actor}${counter}`, object, dots: [dot] });
  };
  await take('n2~a', 1);
  await take('n3~b', 1);
  const cutting: Promise<void>[] = [];
  meanwhile = () => {
    // When the cut comes to the second actor, the first has no entries left, and gets one.
    if (replica.log.length === 1) cutting.push(take('n2~a', 2));
  };
  await replica.cutter.cutCovered(replica.durableClock.clone());
  meanwhile = undefined;
  await Promise.all(cutting);
  assert.equal(cutting.length, 1);
  assert.equal(replica.log.length, 1);
  await replica.cutter.cutCovered(replica.durableClock.clone());
  assert.equal(replica.log.length, 0);
});

test('a store of a newer format or another partition count is refused and not changed', async () => {
  for (const [header, pattern] of [
    [{ format: 99, partitions: PARTITIONS, name: 'n1' }, /format 99/],
    [{ format: 1, partitions: 64, name: 'n1' }, /64 partitions/],
  ] as const) {
    const disk = new MemoryDisk();
    disk.rows.set(metaRow('header'), sealRecord(header, metaRow('header')));
    await assert.rejects(
      openStore(disk.open),
      (error) => error instanceof StartError && pattern.test(error.message),
    );
    assert.equal(disk.isOpen, false);
    assert.equal(disk.rows.size, 1);
  }
});

test('after a failed commit the store is opened again with the rows on disk', async () => {
  const disk = new MemoryDisk();
  const control = faulty(disk);
  const { store, clock } = await openStore(control.open);
  await write(store.of(0), { key: 'a', text: 'kept' }).durable;
  const { actor } = store.of(0);
  control.failWith = new MecError('disk-full');
  const lost = write(store.of(0), { text: 'lost' });
  await assert.rejects(
    lost.durable,
    (error) => error instanceof MecError && error.code === 'disk-full',
  );
  assert.throws(
    () => store.of(0),
    (error) => error instanceof MecError && error.code === 'disk-full',
  );
  control.failWith = undefined;
  await nextTurn();
  clock.advance(STORE_REOPEN_MS);
  while (store.status().state !== 'ok') await nextTurn();
  assert.deepEqual(texts(store.of(0)), []);
  assert.deepEqual(texts(store.of(0), 'a'), ['kept']);
  assert.notEqual(store.of(0).actor, actor);
  await store.close();
});

test('a store that is closed while it is opened again lets go of its disk', async () => {
  const disk = new MemoryDisk();
  const control = faulty(disk);
  let openings = 0;
  let letOpen = (): void => {};
  const mayOpen = new Promise<void>((resolve) => (letOpen = resolve));
  const openEngine: OpenEngine = async () => {
    openings += 1;
    if (openings > 1) await mayOpen;
    return control.open();
  };
  const { store, clock } = await openStore(openEngine);
  control.failWith = new MecError('disk-full');
  await assert.rejects(write(store.of(0), { text: 'lost' }).durable);
  control.failWith = undefined;
  await nextTurn();
  clock.advance(STORE_REOPEN_MS);
  assert.equal(openings, 2);
  const closed = store.close();
  letOpen();
  await closed;
  assert.equal(disk.isOpen, false);
  assert.equal(store.isOpen, false);
});

test('the rows of a kind are in one range in all partitions', () => {
  const { from, to } = kindRange('o');
  for (const row of [objectRow(0, ''), objectRow(PARTITIONS - 1, '\u{10ffff}')])
    assert.ok(from <= row && row < to);
});

test('a replica that was dropped does not write into the rows of its successor', async () => {
  const from = (await openStore(new MemoryDisk().open)).store.of(0);
  const { written, durable } = write(from, { text: 'one' });
  await durable;
  const { store } = await openStore(new MemoryDisk().open, 'n2');
  const dropped = store.of(0);
  assert.equal(await store.drop(0), true);
  await assert.rejects(
    mergeInto(dropped, { key: 'k', object: written.object, dots: [written.dot] }),
  );
  assert.equal(store.of(0).clock.isEmpty, true);
  assert.deepEqual(texts(store.of(0)), []);
});

test('a replica that was dropped acknowledges no merge, even if it knows the object already', async () => {
  const from = (await openStore(new MemoryDisk().open)).store.of(0);
  const { written, durable } = write(from, { text: 'one' });
  await durable;
  const { store } = await openStore(new MemoryDisk().open, 'n2');
  const dropped = store.of(0);
  const received = { key: 'k', object: written.object, dots: [written.dot] };
  await mergeInto(dropped, received);
  assert.equal(await store.drop(0), true);
  await assert.rejects(
    mergeInto(dropped, received),
    (error) => error instanceof MecError && error.code === 'stopping',
  );
});

test('a replica that closes dots writes the keys again whose residue names them', async () => {
  const disk = new MemoryDisk();
  const replica = (await openStore(disk.open, 'n1')).store.of(0);
  const peer = (await openStore(new MemoryDisk().open, 'n2')).store.of(0);
  // The first write of the peer is lost. Of the second, a delete, this replica has the effect.
  const lost = write(peer, { key: 'lost', text: 'x' });
  const victim = write(replica, { key: 'k', text: 'overwritten' });
  await mergeInto(peer, { key: 'k', object: victim.written.object, dots: [victim.written.dot] });
  const gone = write(peer, { key: 'k', token: victim.written.token, text: undefined });
  await mergeInto(replica, { key: 'k', object: gone.written.object, dots: [] });
  assert.deepEqual(texts(replica), []);
  assert.equal(replica.residues.count, 1);
  const before = replica.clock.base(replica.actor);
  await replica.closedDots.close(CausalContext.ofDots([lost.written.dot, gone.written.dot]));
  assert.ok(replica.clock.has(gone.written.dot.actor, 2));
  assert.ok(replica.lost.has(gone.written.dot.actor, 1));
  assert.equal(replica.clock.base(replica.actor), before + 1, 'the key was written again');
  assert.equal(replica.log.length, 2, 'and the log tells the others');
  // A version under a closed dot is not merged any more.
  await mergeInto(replica, { key: 'lost', object: lost.written.object, dots: [lost.written.dot] });
  assert.deepEqual(texts(replica, 'lost'), []);
  disk.isOpen = false;
  const again = (await openStore(disk.open, 'n1')).store;
  assert.equal(again.of(0).lost.toString(), replica.lost.toString(), 'it is remembered');
});

test('a version goes when its dot is closed', async () => {
  const replica = (await openStore(new MemoryDisk().open)).store.of(0);
  const { written, durable } = write(replica, { text: 'held' });
  await durable;
  await replica.closedDots.close(CausalContext.ofDots([written.dot]));
  assert.deepEqual(texts(replica), []);
});
