/** `mec-db/unstorage`: the calls of unstorage to a driver, on a cluster. */
import assert from 'node:assert/strict';
import { afterEach, describe, test } from 'node:test';
import asDefault, { mecDriver, type UnstorageDriver } from '../../src/adapters/unstorage.ts';
import { MecClient } from '../../src/client/index.ts';
import { clusterOfSuite, host, NOT_INSTALLED } from '../fixtures/hosts.ts';

interface Storage {
  hasItem(key: string): Promise<boolean>;
  getItem(key: string): Promise<unknown>;
  getItems(items: (string | { key: string })[]): Promise<{ key: string; value: unknown }[]>;
  getItemRaw(key: string): Promise<Uint8Array | null>;
  setItem(key: string, value: unknown, options?: { ttl?: number }): Promise<void>;
  setItems(items: { key: string; value: unknown }[]): Promise<void>;
  setItemRaw(key: string, value: unknown): Promise<void>;
  removeItem(key: string): Promise<void>;
  getMeta(key: string): Promise<Record<string, unknown>>;
  getKeys(base?: string, options?: { maxDepth: number }): Promise<string[]>;
  clear(base?: string): Promise<void>;
}
interface Unstorage {
  readonly createStorage: (options: { driver: UnstorageDriver }) => Storage;
  readonly prefixStorage: (storage: Storage, base: string) => Storage;
  readonly restoreSnapshot: (storage: Storage, snapshot: object) => Promise<void>;
  readonly snapshot: (storage: Storage, base: string) => Promise<object>;
}

const unstorage = host('unstorage') as Unstorage | undefined;

describe('the driver for unstorage', { skip: unstorage === undefined && NOT_INSTALLED }, () => {
  const cluster = clusterOfSuite();
  const { createStorage, prefixStorage, restoreSnapshot, snapshot } = unstorage as Unstorage;
  const storageAt = (node: number): Storage =>
    createStorage({ driver: mecDriver({ cluster: cluster().urls[node] ?? '' }) });
  afterEach(() => storageAt(0).clear());

  test('a storage is empty at first, and has what was set', async () => {
    const storage = storageAt(0);
    assert.equal(asDefault, mecDriver);
    assert.equal(await storage.hasItem('s1:a'), false);
    assert.equal(await storage.getItem('s1:a'), null);
    assert.equal(await storage.getItemRaw('s1:a'), null);
    assert.deepEqual(await storage.getKeys(), []);
    await storage.setItem('s1:a', 'text');
    await storage.setItem('s3:a?q=1', 'query');
    assert.equal(await storage.hasItem('s1:a'), true);
    assert.equal(await storageAt(1).getItem('s1:a'), 'text');
    assert.equal(await storage.getItem('s3:a?q=2'), 'query');
  });

  test('getKeys lists a base, and no deeper than it must', async () => {
    const storage = storageAt(0);
    const keys = ['depth0_0', 'depth0:depth1_0', 'depth0:depth1_1', 'depth0:depth1:depth2_0'];
    for (const key of [...keys, 'other:a']) await storage.setItem(key, 'x');
    assert.deepEqual((await storage.getKeys()).sort(), [...keys, 'other:a'].sort());
    assert.deepEqual((await storage.getKeys('depth0')).sort(), keys.slice(1).sort());
    assert.deepEqual(await storage.getKeys(undefined, { maxDepth: 0 }), ['depth0_0']);
    const some = await storage.getKeys('depth0', { maxDepth: 1 });
    assert.deepEqual(some.sort(), ['depth0:depth1_0', 'depth0:depth1_1']);
  });

  test('values keep their type, and bytes are stored as they are', async () => {
    const storage = storageAt(0);
    for (const value of [{ json: 'works' }, [1, { a: null }], true, false, 0, 'text', 'ü𝄞'])
      for (const reader of [storage, storageAt(2)]) {
        await storage.setItem('value', value);
        assert.deepEqual(await reader.getItem('value'), value);
      }
    const raw = Uint8Array.from({ length: 256 }, (_, i) => i);
    await storage.setItemRaw('raw.bin', raw);
    assert.deepEqual(Buffer.from((await storage.getItemRaw('raw.bin')) ?? []), Buffer.from(raw));
    await assert.rejects(storage.getItem('raw.bin'), /not text; read it with getItemRaw/);
    await assert.rejects(storage.setItemRaw('raw.bin', { a: 1 }), /takes bytes or a text/);
    const meta = await storage.getMeta('raw.bin');
    assert.equal(meta['size'], 256);
    assert.ok(meta['mtime'] instanceof Date && Math.abs(+meta['mtime'] - Date.now()) < 60_000);
  });

  test('items are set, read and removed together', async () => {
    const storage = storageAt(0);
    const items = [1, 2, 3].map((i) => ({ key: `t:${i}`, value: `data ${i}` }));
    await storage.setItems(items);
    const read = await storageAt(1).getItems(['t:1', { key: 't:2' }, 't:3', 't:none']);
    assert.deepEqual(read, [...items, { key: 't:none', value: null }]);
    await storage.removeItem('t:1');
    await storage.removeItem('t:1');
    assert.equal(await storage.getItem('t:1'), null);
    assert.deepEqual(await snapshot(storage, 't'), { 2: 'data 2', 3: 'data 3' });
  });

  test('clear concerns a base, or all of the storage, and nothing else', async () => {
    const storage = storageAt(0);
    await new MecClient(cluster().urls).put('unstorage', 'not its own');
    await restoreSnapshot(storage, { 'a:1': 'x', 'a:2': 'x', 'ab:1': 'x' });
    // unstorage itself passes a base only if a storage is mounted there.
    await mecDriver({ cluster: cluster().urls }).clear('a:');
    assert.deepEqual(await prefixStorage(storage, 'ab').getKeys(), ['1']);
    assert.deepEqual(await storage.getKeys(), ['ab:1']);
    await storage.clear();
    assert.deepEqual(await storage.getKeys(), []);
    assert.equal((await new MecClient(cluster().urls).get('unstorage')).kind, 'value');
  });

  test('a later write replaces an earlier one, and one of two concurrent ones stays', async () => {
    const storages = [0, 1, 2].map(storageAt);
    for (let i = 0; i < 30; i++) await storages[i % 3]?.setItem('hits', i);
    for (const storage of storages) assert.equal(await storage.getItem('hits'), 29);
    await Promise.all(storages.map((storage, i) => storage.setItem('race', i)));
    const read = await Promise.all(storages.map((storage) => storage.getItem('race')));
    assert.ok([0, 1, 2].includes(read[0] as number));
    assert.equal(new Set(read).size, 1, read.join(' '));
  });

  test('an item is gone when its time is over', async () => {
    const driver = mecDriver({ cluster: cluster().urls, ttl: 1 });
    const storage = createStorage({ driver });
    await storage.setItem('short', 1);
    await storage.setItem('long', 1, { ttl: 1_000 });
    assert.equal(await storage.hasItem('short'), true);
    await new Promise((resolve) => setTimeout(resolve, 3_000));
    assert.deepEqual(await storage.getKeys(), ['long']);
  });
});
