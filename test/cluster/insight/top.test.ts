/** Hot keys, large keys, and the lists of several nodes. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Recorder } from '../../../src/base/recorder.ts';
import { HotKeys } from '../../../src/cluster/insight/hot-keys.ts';
import { LargestKeys } from '../../../src/cluster/insight/largest-keys.ts';
import { SiblingWrites } from '../../../src/cluster/insight/sibling-writes.ts';
import { mergeTops, readTop, TopKeys } from '../../../src/cluster/insight/top.ts';
import { CausalContext } from '../../../src/core/causality/causal-context.ts';
import { content } from '../../fixtures/fake-holders.ts';
import { ManualClock, seededRandom } from '../../fixtures/fake-env.ts';

test('a hot key is found among a thousand others, and its count is right within its error', () => {
  const hot = new HotKeys(new ManualClock());
  const random = seededRandom(1);
  let real = 0;
  for (let i = 0; i < 200_000; i++) {
    const isHot = random.uint32() % 20 === 0;
    if (isHot) real += 1;
    hot.note(isHot ? 'hot' : `cold-${random.uint32() % 1_000}`);
  }
  const { top } = hot;
  assert.equal(top.length, 64);
  const { key, count, error } = top[0] ?? assert.fail('nothing is hot');
  assert.equal(key, 'hot');
  // The sample of one in sixteen has an error of its own.
  assert.ok(count - error <= 1.15 * real && count >= 0.85 * real, `${count} of ${real}, ±${error}`);
});

test('the sum of counts is that of all operations, and each error bounds its count', () => {
  const hot = new HotKeys(new ManualClock());
  const random = seededRandom(3);
  const real = new Map<string, number>();
  for (let i = 0; i < 20_000; i++) {
    // Few keys come often, and most of 2000 are among those with the least count.
    const key = `k${Math.floor((random.uint32() / 2 ** 32) ** 3 * 2_000)}`;
    real.set(key, (real.get(key) ?? 0) + 16);
    for (let times = 0; times < 16; times++) hot.note(key);
  }
  const { top } = hot;
  const least = top.at(-1)?.count ?? 0;
  for (const { key, count, error } of top) {
    const times = real.get(key) ?? 0;
    assert.ok(times <= count && count - error <= times, `${key}: ${times} of ${count}, ±${error}`);
  }
  const shown = new Set(top.map(({ key }) => key));
  for (const [key, times] of real) assert.ok(shown.has(key) || times <= least, key);
  // 256 counters share 20 000 operations, so the least of them has 79 at most.
  const errors = top.map(({ error }) => error);
  assert.ok(Math.max(...errors) <= 16 * 79, `${Math.max(...errors)}`);
});

test('a key that had the least count before counts were halved keeps its place', () => {
  const clock = new ManualClock();
  const hot = new HotKeys(clock);
  const note = (key: string, times: number): void => {
    for (let i = 0; i < 16 * times; i++) hot.note(key);
  };
  const keys = Array.from({ length: 256 }, (_, i) => `k${i}`);
  for (const key of keys) note(key, 2);
  note('first newcomer', 1);
  clock.advance(60_000);
  for (const key of keys.slice(-32)) note(key, 1);
  for (let i = 0; i < 32; i++) note(`newcomer ${i}`, 1);
  const top = new Set(hot.top.map(({ key }) => key));
  assert.equal(keys.slice(-32).filter((key) => top.has(key)).length, 32);
});

test('counts are halved every minute, and a key is forgotten', () => {
  const clock = new ManualClock();
  const hot = new HotKeys(clock);
  for (let i = 0; i < 16 * 100; i++) hot.note('a');
  assert.equal(hot.top[0]?.count, 1_600);
  clock.advance(59_999);
  assert.equal(hot.top[0]?.count, 1_600);
  clock.advance(1);
  assert.equal(hot.top[0]?.count, 800);
  clock.advance(2 * 60_000);
  assert.equal(hot.top[0]?.count, 200);
  clock.advance(10 * 60_000);
  assert.deepEqual(hot.top, []);
});

test('the largest keys are kept as in a model that keeps all', () => {
  const largest = new LargestKeys();
  const model = new Map<string, number>();
  const random = seededRandom(2);
  for (let i = 0; i < 5_000; i++) {
    const [key, value] = [`k${random.uint32() % 500}`, 1 + (random.uint32() % 10_000)];
    // Values of a key only grow here: after a fall, the round of verification fills the list again.
    const grown = Math.max(value, model.get(key) ?? 0);
    model.set(key, grown);
    largest.note(key, grown);
  }
  const expected = [...model.values()].sort((a, b) => b - a).slice(0, 64);
  assert.deepEqual(
    largest.top.map(({ value }) => value),
    expected,
  );
  for (const { key, value } of largest.top) assert.equal(model.get(key), value);
});

test('a key that shrinks or goes leaves its place', () => {
  const largest = new LargestKeys();
  for (let i = 1; i <= 70; i++) largest.note(`k${i}`, i);
  largest.note('k70', 0);
  largest.note('k69', 1);
  assert.deepEqual(largest.top[0], { key: 'k68', value: 68 });
  assert.ok(!largest.top.some(({ key }) => key === 'k70'));
  largest.note('k5', 5);
  assert.ok(
    largest.top.some(({ key }) => key === 'k5'),
    'there is room again',
  );
});

test('bytes and siblings of a key follow its versions', () => {
  const top = new TopKeys(new ManualClock());
  const version = (counter: number) => ({ actor: 'a', counter, body: new Uint8Array(10) });
  top.noteVersions('one', [version(1)]);
  top.noteVersions('two', [version(1), version(2)]);
  assert.deepEqual(top.by('bytes'), [
    { key: 'two', value: 20 },
    { key: 'one', value: 10 },
  ]);
  assert.deepEqual([top.by('siblings'), top.mostSiblings], [[{ key: 'two', value: 2 }], 2]);
  top.noteVersions('two', [version(3)]);
  assert.deepEqual([top.by('siblings'), top.mostSiblings], [[], 0]);
});

test('the counts of nodes add up, and their sizes do not', () => {
  const tops = [
    [
      { key: 'a', value: 3, error: 1 },
      { key: 'b', value: 2 },
    ],
    [{ key: 'a', value: 4, error: 2 }],
  ];
  const reads = mergeTops('reads', tops, ['n3']);
  assert.deepEqual(reads.keys[0], { key: 'a', value: 7, error: 3 });
  assert.deepEqual([reads.silent, reads.halvedEveryMs], [['n3'], 60_000]);
  const bytes = mergeTops('bytes', tops, []);
  assert.deepEqual(bytes.keys[0], { key: 'a', value: 4, error: undefined });
  assert.equal(bytes.halvedEveryMs, undefined);
});

test('the list of a broken peer is cut, or left out', () => {
  assert.equal(readTop({}), undefined);
  const item = { key: 'k'.repeat(5_000), value: 1 };
  const read = readTop(Array.from({ length: 100 }, () => item)) ?? [];
  assert.deepEqual([read.length, read[0]?.key.length], [64, 2_048]);
  assert.deepEqual(readTop([null, { key: 'k' }, { key: 'k', value: 'x' }]), []);
});

test('the latest 1024 sibling-making writes are remembered, by key', () => {
  const recorder = new Recorder();
  const writes = new SiblingWrites(new ManualClock(), recorder);
  const other = { actor: 'n2~life', counter: 1, body: content('b') };
  for (let i = 1; i <= 1_100; i++) {
    const dot = { actor: 'n1~life', counter: i };
    const versions = [other, { ...dot, body: content('a') }];
    const token = i === 1_100 ? CausalContext.ofDots([dot]) : new CausalContext();
    writes.note(
      { key: `k${i}`, token, body: content('a') },
      { object: { versions, context: new CausalContext() }, token, dot },
    );
  }
  assert.equal(recorder.siblingsCreated, 1_100);
  assert.deepEqual(writes.of('k76'), []);
  const [oldest] = writes.of('k77');
  assert.deepEqual(
    [oldest?.dot, oldest?.unseen, oldest?.wasBlind],
    ['n1~life:77', ['n2~life:1'], true],
  );
  assert.equal(writes.of('k1100')[0]?.wasBlind, false);
});
