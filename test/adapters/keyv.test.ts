/** `mec-db/keyv`: Keyv's own suite on a cluster, and what naive stores lose. */
import assert from 'node:assert/strict';
import { afterEach, beforeEach, describe, it, test } from 'node:test';
import { KeyvStore } from '../../src/adapters/keyv.ts';
import { MecClient } from '../../src/client/index.ts';
import { eventually } from '../fixtures/cluster.ts';
import { clusterOfSuite, host, NOT_INSTALLED } from '../fixtures/hosts.ts';

/** The part of Keyv that these tests call themselves. */
interface Keyv {
  set(key: string, value: unknown, ttl?: number): Promise<boolean>;
  get(key: string): Promise<unknown>;
  setMany(entries: { key: string; value: unknown; ttl?: number }[]): Promise<unknown>;
  getMany(keys: string[]): Promise<unknown[]>;
  hasMany(keys: string[]): Promise<boolean[]>;
}
type KeyvClass = new (options: { store: KeyvStore; namespace?: string }) => Keyv;

/** A matcher of Vitest, as far as the suite uses it. */
type Expect = ((actual: unknown) => Record<string, (expected?: unknown) => void>) & {
  assertions(count: number): void;
};
type Run = (test: object, keyv: KeyvClass, store: () => KeyvStore) => void;
type Suite = Record<
  'keyvApiTests' | 'keyvValueTests' | 'keyvNamespaceTest' | 'keyvIteratorTests',
  Run
>;

const keyv = host('keyv') as { Keyv: KeyvClass } | undefined;
// The suite names Vitest, and sqlite3 which has to be compiled, but loads neither of them.
// "overrides" in package.json puts a small package in their place.
const suite = host('@keyv/test-suite') as Suite | undefined;

/** The matchers of one test, and a check after it. */
function matchers(): { expect: Expect; check: () => void } {
  let [made, wanted] = [0, undefined as number | undefined];
  const matcher = (actual: unknown): ReturnType<Expect> => {
    made++;
    return {
      toBe: (expected) => assert.ok(Object.is(actual, expected), String(actual)),
      toEqual: (expected) => assert.deepEqual(actual, expected),
      toBeTruthy: () => assert.ok(actual),
      toBeFalsy: () => assert.ok(!actual),
      toBeNull: () => assert.equal(actual, null),
      toBeUndefined: () => assert.equal(actual, undefined),
      toBeDefined: () => assert.notEqual(actual, undefined),
    };
  };
  const expect = Object.assign(matcher, { assertions: (count: number) => void (wanted = count) });
  return { expect, check: () => assert.equal(made, wanted ?? made) };
}

const asVitest = {
  it: (name: string, run: (t: { expect: Expect }) => unknown) =>
    it(name, async () => {
      const { expect, check } = matchers();
      await run({ expect });
      check();
    }),
  beforeEach,
  afterEach,
};

describe('the store for Keyv', { skip: suite === undefined && NOT_INSTALLED }, () => {
  const cluster = clusterOfSuite();
  const { Keyv } = keyv as { Keyv: KeyvClass };
  const storeAt = (node: number, prefix = 'keyv/'): KeyvStore =>
    new KeyvStore(cluster().urls[node] ?? '', { prefix });

  for (const part of ['keyvApiTests', 'keyvValueTests', 'keyvNamespaceTest'] as const)
    describe(part, () => suite?.[part](asVitest, Keyv, () => new KeyvStore(cluster().urls)));
  // Keyv 5 iterates over no store that is not on its list. The store itself can.
  describe('keyvIteratorTests', () =>
    suite?.keyvIteratorTests(asVitest, Keyv, () =>
      Object.assign(new KeyvStore(cluster().urls), { opts: { dialect: 'redis' } }),
    ));

  test('150 sets of one key through all nodes leave one value', async () => {
    const stores = [0, 1, 2].map((node) => storeAt(node));
    for (let i = 0; i < 150; i++) await stores[i % 3]?.set('hits', i);
    for (const store of stores) assert.equal(await store.get('hits'), 149);
    assert.equal((await new MecClient(cluster().urls).get('keyv/hits')).kind, 'value');
  });

  test('after concurrent sets every reader gets the same one of them', async () => {
    const stores = [0, 1, 2].map((node) => storeAt(node));
    for (let round = 0; round < 10; round++) {
      await Promise.all(stores.map((store, i) => store.set('race', `${round}-${i}`)));
      const read = await Promise.all(stores.map((store) => store.get<string>('race')));
      assert.match(read[0] ?? '', new RegExp(`^${round}-[012]$`));
      assert.deepEqual(new Set(read).size, 1, read.join(' '));
    }
  });

  test('a value is gone from the cluster when its time is over', async () => {
    const store = storeAt(0);
    await store.set('short', 1, 3_000);
    assert.equal(await store.has('short'), true);
    await eventually('it is gone', async () => !(await store.has('short')));
    assert.deepEqual(await store.hasMany(['short', 'hits']), [false, true]);
  });

  test('many keys are set, read and deleted together, and clear spares other prefixes', async () => {
    const [one, two] = [new Keyv({ store: storeAt(0) }), storeAt(1, 'other/')];
    const keys = Array.from({ length: 50 }, (_, i) => `many${i}`);
    await one.setMany(keys.map((key, i) => ({ key, value: i })));
    assert.deepEqual(
      await one.getMany([...keys, 'none']),
      [...keys.keys(), undefined].map((value) => value),
    );
    await two.set('stays', 1);
    await storeAt(2).clear();
    assert.deepEqual(await one.hasMany(['many0', 'many49']), [false, false]);
    assert.equal(await two.get('stays'), 1);
    assert.equal(await two.deleteMany(['stays', 'none']), false);
  });
});
