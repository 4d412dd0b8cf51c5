/** cache-manager over `mec-db/keyv`: each of its calls on a cluster, alone and beneath a memory. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { KeyvStore } from '../../src/adapters/keyv.ts';
import { MecClient } from '../../src/client/index.ts';
import { deadUrl } from '../fixtures/fake-node.ts';
import { clusterOfSuite, host, NOT_INSTALLED } from '../fixtures/hosts.ts';

/** The part of cache-manager that these tests call. */
interface Cache {
  get(key: string): Promise<unknown>;
  mget(keys: string[]): Promise<unknown[]>;
  set(key: string, value: unknown, ttl?: number): Promise<unknown>;
  mset(list: { key: string; value: unknown; ttl?: number }[]): Promise<unknown>;
  del(key: string): Promise<boolean>;
  mdel(keys: string[]): Promise<boolean>;
  clear(): Promise<boolean>;
  ttl(key: string): Promise<number | undefined>;
  wrap<T>(key: string, make: () => Promise<T>, ttl?: number, refreshBelow?: number): Promise<T>;
  on(event: 'refresh', listener: (event: { value: unknown }) => void): unknown;
  disconnect(): Promise<unknown>;
}
type KeyvClass = new (options?: object) => object;

const keyv = host('keyv') as { Keyv: KeyvClass } | undefined;
const manager = host('cache-manager') as { createCache(options: object): Cache } | undefined;

describe('cache-manager on a cluster', { skip: manager === undefined && NOT_INSTALLED }, () => {
  const cluster = clusterOfSuite();
  const { Keyv } = keyv as { Keyv: KeyvClass };
  const storeAt = (node: number, namespace: string): object =>
    new Keyv({
      store: new KeyvStore(cluster().urls[node] ?? ''),
      namespace,
      throwOnErrors: true,
    });
  /** A cache at one node, with other caches before the cluster. */
  const cacheAt = (node: number, namespace: string, ...before: object[]): Cache =>
    (manager as NonNullable<typeof manager>).createCache({
      stores: [...before, storeAt(node, namespace)],
    });

  test('each of its calls sees what another process has written through another node', async () => {
    const [one, two, three] = [0, 1, 2].map((node) => cacheAt(node, 'calls')) as [
      Cache,
      Cache,
      Cache,
    ];
    assert.equal(await one.get('a'), undefined);
    assert.deepEqual(await one.set('a', { n: 1 }, 60_000), { n: 1 });
    assert.deepEqual(await two.get('a'), { n: 1 });
    assert.equal(await two.ttl('none'), undefined);
    const endsMs = (await two.ttl('a')) ?? 0;
    assert.ok(Math.abs(endsMs - Date.now() - 60_000) < 30_000, String(endsMs));
    await two.mset([
      { key: 'a', value: 2 },
      { key: 'b', value: null },
      { key: 'c', value: [3], ttl: 60_000 },
    ]);
    assert.deepEqual(await three.mget(['a', 'b', 'c', 'none']), [2, null, [3], undefined]);
    assert.equal(await three.del('a'), true);
    assert.equal(await three.mdel(['b', 'none']), true);
    assert.deepEqual(await one.mget(['a', 'b', 'c']), [undefined, undefined, [3]]);
    await cacheAt(0, 'other').set('c', 'stays');
    assert.equal(await one.clear(), true);
    assert.equal(await two.get('c'), undefined);
    assert.equal(await cacheAt(2, 'other').get('c'), 'stays');
    for (const cache of [one, two, three]) await cache.disconnect();
  });

  test('150 sets of one key through all nodes leave one value', async () => {
    const caches = [0, 1, 2].map((node) => cacheAt(node, 'hits'));
    for (let i = 0; i < 150; i++) await caches[i % 3]?.set('hits', i);
    for (const cache of caches) assert.equal(await cache.get('hits'), 149);
    assert.equal((await new MecClient(cluster().urls).get('keyv/hits:hits')).kind, 'value');
  });

  test('wrap makes a value once for all processes, and again when its time ends', async () => {
    const [one, two] = [cacheAt(0, 'wrap'), cacheAt(1, 'wrap')];
    let made = 0;
    const make = async (): Promise<number> => ++made;
    assert.deepEqual(await Promise.all([one.wrap('k', make, 60_000), one.wrap('k', make)]), [1, 1]);
    assert.equal(await two.wrap('k', make, 60_000), 1);
    const refreshed = new Promise((resolve) => two.on('refresh', ({ value }) => resolve(value)));
    assert.equal(
      await two.wrap('k', make, 60_000, 120_000),
      1,
      'the old value, and a new one soon',
    );
    assert.equal(await refreshed, 2);
    assert.equal(await one.get('k'), 2);
    await one.set('short', 'old', 50);
    await new Promise((resolve) => setTimeout(resolve, 100));
    assert.equal(await two.wrap('short', async () => 'new', 60_000), 'new');
  });

  test('beneath a cache in memory, the cluster has what the memory lacks', async () => {
    const hour = 3_600_000;
    const [long, short] = [new Keyv({ ttl: hour }), new Keyv({ ttl: 10 })];
    const [one, two] = [cacheAt(0, 'tiers', long), cacheAt(1, 'tiers', short)];
    const others = cacheAt(2, 'tiers');
    await one.set('k', 'first');
    assert.equal(await two.wrap('k', () => assert.fail('the cluster has it')), 'first');
    await others.set('k', 'second');
    assert.equal(await one.get('k'), 'first', 'its memory has it');
    await new Promise((resolve) => setTimeout(resolve, 50));
    assert.equal(await two.get('k'), 'second', 'the time in its memory is over');
  });

  test('a failed write rejects, and no cache says that it has made it', async () => {
    const store = new Keyv({
      store: new KeyvStore(await deadUrl()),
      throwOnErrors: true,
    });
    const cache = (manager as NonNullable<typeof manager>).createCache({ stores: [store] });
    await assert.rejects(cache.set('k', 1), { code: 'unreachable' });
    await assert.rejects(cache.del('k'), { code: 'unreachable' });
  });
});
