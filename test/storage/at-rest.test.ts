/** Encryption of the records on a disk. */
import assert from 'node:assert/strict';
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test, type TestContext } from 'node:test';
import { MecError, StartError } from '../../src/base/errors.ts';
import { SYNC_LIMITS } from '../../src/cluster/limits.ts';
import { CausalContext } from '../../src/core/causality/causal-context.ts';
import { partitionOf } from '../../src/core/placement/partition.ts';
import { isSealed, Sealer } from '../../src/storage/at-rest/sealed-engine.ts';
import type { OpenEngine } from '../../src/storage/engine.ts';
import {
  CONTENT_RANGE,
  hasContent,
  HEADER_ROW,
  memoryRow,
  metaRow,
  objectRow,
} from '../../src/storage/keyspace.ts';
import { openLevelEngine } from '../../src/storage/level.ts';
import { MemoryDisk } from '../../src/storage/memory.ts';
import { sealRecord, versionsToRecord } from '../../src/storage/records.ts';
import type { Replica } from '../../src/storage/replica/replica.ts';
import { Store } from '../../src/storage/store.ts';
import { differing } from '../fixtures/differing-engine.ts';
import { ManualClock, memoryLog, nextTurn, seededRandom } from '../fixtures/fake-env.ts';
import { MemoryKeys } from '../fixtures/memory-keys.ts';

const none = new CausalContext();
let seed = 1;

function open(openEngine: OpenEngine, atRest?: MemoryKeys): Promise<Store> {
  const env = { clock: new ManualClock(), log: memoryLog(), random: seededRandom(seed++) };
  const { maxLogEntries } = SYNC_LIMITS;
  const life = `life${seed}`;
  return Store.open({ env, life, nodeName: 'n1', openEngine, atRest, sync: true, maxLogEntries });
}

const newKeys = (): MemoryKeys => new MemoryKeys(seededRandom(seed++));

interface Write {
  readonly key: string;
  readonly text: string;
  readonly token?: CausalContext;
}

function write(store: Store, { key, text, token = none }: Write): Promise<void> {
  const memory = { idempotencyKey: 'again', digest: `digest of ${text}`, madeMicros: 1 };
  const body = Buffer.from(text);
  return new Promise((resolve, reject) => {
    store
      .of(partitionOf(key))
      .write({ key, token, body, memory: { key, ...memory } }, (error) =>
        error === undefined ? resolve() : reject(error),
      );
  });
}

const textsOf = (replica: Replica, key: string): string[] =>
  replica
    .readWhole(key)
    .versions.map(({ body }) => Buffer.from(body).toString())
    .sort();

const textsIn = (store: Store, key: string): string[] => textsOf(store.of(partitionOf(key)), key);

/** Runs the work of the background until all records are sealed by the newest key. */
async function reseal(store: Store): Promise<void> {
  for (let round = 0; store.status().encrypted !== 'all'; round++) {
    assert.ok(round < 100, 'the rewriting ends');
    await store.sweep();
  }
}

async function makeRoot(t: TestContext): Promise<string> {
  const root = await mkdtemp(join(tmpdir(), 'mec-at-rest-'));
  t.after(() => rm(root, { recursive: true, force: true }));
  return root;
}

/** The names of the files below a directory that have a text. */
async function filesWith(root: string, text: string): Promise<string[]> {
  const names = await readdir(root, { recursive: true, withFileTypes: true });
  const files = names.filter((entry) => entry.isFile());
  const found: string[] = [];
  for (const { parentPath, name } of files)
    if ((await readFile(join(parentPath, name))).includes(text)) found.push(name);
  return found;
}

const SECRET = 'a value that no file may have';

test('no file of an encrypted store has a value, and a plain one has', async (t) => {
  for (const isEncrypted of [false, true]) {
    const root = await makeRoot(t);
    const keys = isEncrypted ? newKeys() : undefined;
    const store = await open(() => openLevelEngine(root), keys);
    await write(store, { key: 'k', text: SECRET });
    await store.close();
    const found = await Promise.all([SECRET, `digest of ${SECRET}`].map((s) => filesWith(root, s)));
    assert.deepEqual(
      found.map(({ length }) => length > 0),
      [!isEncrypted, !isEncrypted],
    );
    assert.ok((await filesWith(root, 'again')).length > 0, 'names of rows stay readable');
    const again = await open(() => openLevelEngine(root), keys);
    assert.deepEqual(textsIn(again, 'k'), [SECRET]);
    await again.close();
  }
});

test('a plain store is rewritten while it is used, and its files then have no value', async (t) => {
  const root = await makeRoot(t);
  const plain = await open(() => openLevelEngine(root));
  const keys = Array.from({ length: 700 }, (_, i) => `k${i}`);
  await Promise.all(keys.map((key) => write(plain, { key, text: `${SECRET} ${key}` })));
  await write(plain, { key: 'k0', text: 'sibling' });
  await plain.close();
  assert.ok((await filesWith(root, SECRET)).length > 0);
  const store = await open(() => openLevelEngine(root), newKeys());
  assert.equal(store.status().encrypted, 'partly');
  assert.deepEqual(textsIn(store, 'k1'), [`${SECRET} k1`], 'a plain record can be read');
  const snapshot = await store.of(partitionOf('k2')).view();
  for (let i = 0; i < 20; i++) await store.sweep();
  assert.equal(store.status().encrypted, 'partly', 'a snapshot keeps old values');
  await snapshot.close();
  await reseal(store);
  assert.deepEqual(await filesWith(root, SECRET), [], 'not even before it is closed');
  assert.deepEqual(textsIn(store, 'k0'), [`${SECRET} k0`, 'sibling']);
  for (const key of keys.slice(1)) assert.deepEqual(textsIn(store, key), [`${SECRET} ${key}`]);
  await store.close();
});

test('all rows with content are sealed, and others are as they were', async () => {
  const disk = new MemoryDisk();
  const store = await open(disk.open, newKeys());
  await write(store, { key: 'k', text: 'v' });
  const secret = new Uint8Array(32);
  store.keepTokenKeys([{ id: 1, secret, generation: 1, settledMicros: 1 }], () => {});
  await store.keepLedger([]);
  await store.close();
  const sealed = [...disk.rows].filter(([, record]) => isSealed(record)).map(([row]) => row);
  const home = partitionOf('k');
  const expected = [
    objectRow(home, 'k'),
    memoryRow(home, 'k', 'again'),
    metaRow('ledger'),
    metaRow('token keys'),
  ];
  assert.deepEqual(sealed.sort(), expected.sort());
  for (const [row, record] of disk.rows) assert.equal(hasContent(row), isSealed(record), row);
});

const flipped = (record: Uint8Array, at: number): Uint8Array =>
  record.map((byte, i) => (i === at ? byte ^ 4 : byte));

test('a record with a wrong bit anywhere, or of another row, is damaged and never absent', async () => {
  const disk = new MemoryDisk();
  const keys = newKeys();
  const first = await open(disk.open, keys);
  await write(first, { key: 'k', text: 'v' });
  await write(first, { key: 'k', text: 'w' });
  await first.close();
  const row = objectRow(partitionOf('k'), 'k');
  const intact = disk.rows.get(row) ?? assert.fail();
  const sealer = new Sealer(keys.keys, seededRandom(1));
  const other = versionsToRecord([], objectRow(partitionOf('x'), 'x'));
  const wrong = Array.from(intact, (_, at) => flipped(intact, at));
  wrong.push(sealer.seal(objectRow(partitionOf('x'), 'x'), other), intact.slice(0, 20));
  for (const [at, record] of wrong.entries()) {
    disk.rows.set(row, record);
    const replica = (await open(disk.open, keys)).of(partitionOf('k'));
    assert.throws(
      () => textsOf(replica, 'k'),
      (error) => error instanceof MecError && error.code === 'damaged',
      `byte ${at}`,
    );
    assert.equal(replica.marks.has('k'), true, `byte ${at}`);
    disk.isOpen = false;
  }
});

test('after a new data key, records are rewritten, and the old key is not needed', async () => {
  const disk = new MemoryDisk();
  const keys = newKeys();
  const store = await open(disk.open, keys);
  await write(store, { key: 'k', text: 'old' });
  await reseal(store);
  keys.keys.add(seededRandom(3));
  assert.equal(store.status().encrypted, 'partly');
  assert.deepEqual(textsIn(store, 'k'), ['old']);
  await write(store, { key: 'l', text: 'new' });
  assert.deepEqual(keys.dropped, [1]);
  await reseal(store);
  assert.deepEqual(keys.dropped, [1, 2]);
  const generations = [...disk.rows].flatMap(([row, record]) =>
    hasContent(row) ? [record[2]] : [],
  );
  assert.deepEqual(new Set(generations), new Set([2]));
  await store.close();
  // The next start knows that all is done.
  const again = await open(disk.open, keys);
  assert.equal(again.status().encrypted, 'all');
  assert.deepEqual(textsIn(again, 'k'), ['old']);
  await again.close();
});

test('a write on its way to the disk is not overwritten by the value before it', async () => {
  const disk = new MemoryDisk();
  const plain = await open(disk.open);
  await write(plain, { key: 'k', text: 'before' });
  await plain.close();
  let release = (): void => {};
  let held: Promise<void> | undefined;
  const openEngine = differing(disk, (engine) => ({
    scan: async (range) => {
      const rows = await engine.scan(range);
      // A writer comes after the scan of the rewriting, and before its rewritten rows.
      if (rows.some(([row]) => row.startsWith('o')) && held === undefined) {
        held = new Promise((resolve) => (release = resolve));
        overwrite();
      }
      return rows;
    },
  }));
  const store = await open(openEngine, newKeys());
  let written: Promise<void> | undefined;
  const overwrite = (): void => {
    const { context } = store.of(partitionOf('k')).read('k');
    written = write(store, { key: 'k', text: 'after', token: context.clone() });
  };
  await reseal(store);
  release();
  await written;
  assert.deepEqual(textsIn(store, 'k'), ['after']);
  await store.close();
  assert.ok(isSealed(disk.rows.get(objectRow(partitionOf('k'), 'k')) ?? assert.fail()));
});

test('a batch that was sealed before a new data key is rewritten as well', async () => {
  const disk = new MemoryDisk();
  const keys = newKeys();
  const at = { isHeld: false, isScanned: false, release: (): void => {} };
  const openEngine = differing(disk, (engine) => ({
    scan: (range) => {
      at.isScanned ||= range.to === CONTENT_RANGE.to;
      return engine.scan(range);
    },
    commit: async (changes, sync) => {
      if (at.isHeld)
        await new Promise<void>((resolve) =>
          Object.assign(at, { release: resolve, isHeld: false }),
        );
      return engine.commit(changes, sync);
    },
  }));
  const store = await open(openEngine, keys);
  // After that, all keys are counted, and the sweep below does not wait to count them.
  for (let i = 0; i < 20; i++) await store.sweep();
  Object.assign(at, { isHeld: true, isScanned: false });
  const written = write(store, { key: 'k', text: 'v' });
  while (at.isHeld) await nextTurn();
  keys.keys.add(seededRandom(3));
  const swept = store.sweep();
  // Until then, no page of the rewriting may be read.
  for (let turn = 0; turn < 500 && !at.isScanned; turn++) await nextTurn();
  at.release();
  await Promise.all([written, swept, reseal(store)]);
  await store.close();
  assert.equal(disk.rows.get(objectRow(partitionOf('k'), 'k'))?.[2], 2);
});

test('an encrypted store is not opened without its keys, and nothing of it changes', async () => {
  const disk = new MemoryDisk();
  const keys = newKeys();
  const store = await open(disk.open, keys);
  await write(store, { key: 'k', text: 'v' });
  keys.keys.add(seededRandom(3));
  await reseal(store);
  await store.close();
  const before = new Map(disk.rows);
  const older = newKeys();
  Object.assign(older, { keys: Object.create(keys.keys, { newest: { value: 1 } }) });
  for (const given of [undefined, newKeys(), older]) {
    await assert.rejects(
      open(disk.open, given),
      (error) => error instanceof StartError && error.message.startsWith('The store is encrypted'),
    );
    assert.deepEqual(disk.rows, before);
  }
  // An earlier version knows formats 1 and 2 only, and would take the records for damaged.
  const record = disk.rows.get(HEADER_ROW) ?? assert.fail();
  assert.ok(Buffer.from(record).includes(Buffer.from([0xa6, ...Buffer.from('format'), 3])));
});

test('a sealed record counts under its own row only, and with its own keys', () => {
  const random = seededRandom(5);
  const sealer = new Sealer(newKeys().keys, random);
  const value = sealRecord('v', 'o0000k');
  const sealed = sealer.seal('o0000k', value);
  assert.deepEqual(sealer.unseal('o0000k', sealed), value);
  assert.equal(sealer.unseal('o0000l', sealed), sealed);
  assert.equal(new Sealer(newKeys().keys, random).unseal('o0000k', sealed), sealed);
  assert.equal(sealer.isUnread('o0000l', sealed), true);
});

test('each opening, and every 2²⁸ records, derive another key, and no nonce comes twice', () => {
  const { keys } = newKeys();
  const random = seededRandom(5);
  const records = [1, 2].flatMap(() => {
    const sealer = new Sealer(keys, random, { most: 10 });
    return Array.from({ length: 25 }, (_, i) => {
      const row = `o0000${i}`;
      const sealed = sealer.seal(row, sealRecord(i, row));
      assert.deepEqual(new Sealer(keys, random).unseal(row, sealed), sealRecord(i, row));
      return Buffer.from(sealed);
    });
  });
  const parts = (from: number, to: number): string[] =>
    records.map((record) => record.subarray(from, to).toString('hex'));
  assert.equal(new Set(parts(3, 11)).size, 6, 'salts');
  assert.equal(new Set(parts(11, 23)).size, 50, 'nonces');
});
