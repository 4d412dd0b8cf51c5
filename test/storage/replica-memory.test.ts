/** Tests of the memory of writes with an Idempotency-Key. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { IDEMPOTENCY_MS, MAX_MEMORIES } from '../../src/core/limits.ts';
import { SYNC_LIMITS } from '../../src/cluster/limits.ts';
import { drawShortName } from '../../src/core/causality/actor.ts';
import { CausalContext } from '../../src/core/causality/causal-context.ts';
import type { RememberedWrite } from '../../src/core/quorum/decision.ts';
import { partitionOf } from '../../src/core/placement/partition.ts';
import { MemoryDisk } from '../../src/storage/memory.ts';
import type { Replica } from '../../src/storage/replica/replica.ts';
import { ReplicaMemory } from '../../src/storage/replica/replica-memory.ts';
import { Store } from '../../src/storage/store.ts';
import { ManualClock, memoryLog, seededRandom } from '../fixtures/fake-env.ts';

const KEY = 'k\0with a NUL';

const memoryOf = (n: number, more: Partial<RememberedWrite> = {}): RememberedWrite => {
  return {
    key: KEY,
    idempotencyKey: `i${n}`,
    actor: 'a',
    counter: n,
    digest: 'f',
    madeMicros: n,
    ...more,
  };
};

test('a memory ends after its time', () => {
  const clock = new ManualClock();
  const memory = new ReplicaMemory(clock, 0, []);
  assert.equal(memory.learn(memoryOf(1)).length, 1);
  assert.deepEqual(memory.learn(memoryOf(1)), [], 'it is known');
  clock.advance(IDEMPOTENCY_MS - 1);
  assert.equal(memory.recall(KEY, 'i1')?.counter, 1);
  assert.equal(memory.recall(KEY, 'i2'), undefined);
  assert.equal(memory.recall('k', 'i1'), undefined, 'it is another key');
  clock.advance(1);
  assert.equal(memory.recall(KEY, 'i1'), undefined);
  const changes = memory.learn(memoryOf(2));
  assert.deepEqual(
    changes.map(({ value }) => value !== undefined),
    [true, false],
    'the first is too old now',
  );
});

test('a wrong wall clock does not end a memory', () => {
  const memory = new ReplicaMemory(new ManualClock(), 0, [memoryOf(1, { madeMicros: 0 })]);
  memory.learn(memoryOf(2, { madeMicros: 2000 * IDEMPOTENCY_MS }));
  assert.equal(memory.recall(KEY, 'i1')?.counter, 1);
});

test('of too many memories the oldest are forgotten', () => {
  const memory = new ReplicaMemory(new ManualClock(), 0, []);
  for (let n = 1; n <= MAX_MEMORIES + 2; n++) memory.learn(memoryOf(n));
  assert.equal(memory.all().length, MAX_MEMORIES);
  assert.deepEqual([memory.recall(KEY, 'i2'), memory.recall(KEY, 'i3')?.counter], [undefined, 3]);
});

test('forgetting the writes to a key keeps those to others', () => {
  const memory = new ReplicaMemory(new ManualClock(), 0, [
    memoryOf(1),
    memoryOf(2),
    memoryOf(3, { key: 'other' }),
  ]);
  assert.equal(memory.forget(KEY).length, 2);
  assert.deepEqual(
    memory.all().map(({ key }) => key),
    ['other'],
  );
});

const open = async (disk: MemoryDisk): Promise<Store> => {
  const env = { clock: new ManualClock(), log: memoryLog(), random: seededRandom(1) };
  const options = {
    env,
    life: drawShortName(env.random),
    nodeName: 'n1',
    openEngine: async () => disk.open(),
  };
  return Store.open({ ...options, sync: true, maxLogEntries: SYNC_LIMITS.maxLogEntries });
};

const recalled = (replica: Replica): number | undefined =>
  replica.memory.recall(KEY, 'i1')?.counter;

test('memories come back with the store, and go with their replica', async () => {
  const disk = new MemoryDisk();
  const partition = partitionOf(KEY);
  let store = await open(disk);
  const { key, idempotencyKey, digest, madeMicros } = memoryOf(1);
  const request = { key, token: new CausalContext(), body: Uint8Array.of(1) };
  await new Promise<void>((resolve) => {
    const memory = { key, idempotencyKey, digest, madeMicros };
    store.of(partition).write({ ...request, memory }, () => resolve());
  });
  const object = { versions: [], context: new CausalContext() };
  await new Promise<void>((resolve) => {
    // Only the memory is new.
    store.of(partition).merge({ key, object, dots: [], memory: memoryOf(2) }, () => resolve());
  });
  await store.close();
  store = await open(disk);
  assert.equal(recalled(store.of(partition)), 1);
  assert.equal(store.of(partition).memory.recall(KEY, 'i2')?.counter, 2);
  await store.drop(partition);
  assert.equal(recalled(store.of(partition)), undefined);
  await store.close();
  store = await open(disk);
  assert.deepEqual(store.of(partition).memory.all(), []);
});

test('a replica that learns of a write while it is dropped is kept', async () => {
  const store = await open(new MemoryDisk());
  const partition = partitionOf(KEY);
  const object = { versions: [], context: new CausalContext() };
  const isDropped = store.drop(partition);
  await new Promise<void>((resolve) => {
    store.of(partition).merge({ key: KEY, object, dots: [], memory: memoryOf(1) }, () => resolve());
  });
  assert.equal(await isDropped, false);
  assert.equal(recalled(store.of(partition)), 1);
});
