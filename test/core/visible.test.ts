import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import {
  type Content,
  digestOf,
  expiryOf,
  idempotencyKeyOf,
  packContent,
  unpackContent,
} from '../../src/core/value/content.ts';
import type { ObjectVersion } from '../../src/core/causality/object.ts';
import { hidden, visible } from '../../src/core/value/visible.ts';

const content = (part: Partial<Content> = {}): Content => ({
  value: new Uint8Array([1]),
  contentType: 'text/plain',
  contentEncoding: undefined,
  clientId: undefined,
  meta: undefined,
  timestampMicros: 10,
  expiresMicros: undefined,
  idempotencyKey: undefined,
  ...part,
});

const version = (
  actor: string,
  counter: number,
  part: Partial<Content> = {},
): ObjectVersion<Uint8Array> => ({
  actor,
  counter,
  body: packContent(content(part)),
});

const shown = (
  versions: ObjectVersion<Uint8Array>[],
  isLastWriteWins = false,
  nowMicros = 100,
): string[] =>
  visible(versions, { now: () => nowMicros, isLastWriteWins })
    .map(({ actor, counter }) => `${actor}${counter}`)
    .sort();

const gone = (
  versions: ObjectVersion<Uint8Array>[],
  isLastWriteWins = false,
  nowMicros = 100,
): string[] =>
  hidden(versions, { now: () => nowMicros, isLastWriteWins })
    .map(({ actor, counter }) => `${actor}${counter}`)
    .sort();

test('expiryOf and idempotencyKeyOf agree with the unpacked content', () => {
  for (const whole of [
    content(),
    content({ expiresMicros: 1_795_168_800_000_000 }),
    content({ idempotencyKey: 'k' }),
    content({
      expiresMicros: 5,
      idempotencyKey: 'k',
      clientId: 'me',
      meta: [['a', 'b']],
      contentEncoding: 'br',
    }),
  ]) {
    const packed = packContent(whole);
    assert.deepEqual(unpackContent(packed), { ...whole, value: unpackContent(packed).value });
    assert.equal(expiryOf(packed), whole.expiresMicros);
    assert.equal(idempotencyKeyOf(packed), whole.idempotencyKey);
  }
  for (const bytes of [new Uint8Array(), Uint8Array.of(0x98), Uint8Array.of(0x98, 1, 2, 3)])
    assert.equal(expiryOf(bytes), undefined);
});

test('digestOf ignores times and the Idempotency-Key', () => {
  const digest = (part: Partial<Content>): string => digestOf(packContent(content(part)));
  assert.equal(digest({}), digest({ timestampMicros: 99, expiresMicros: 7, idempotencyKey: 'k' }));
  for (const part of [
    { value: new Uint8Array([2]) },
    { contentType: 'a/b' },
    { clientId: 'x' },
    { meta: [['a', 'b']] },
  ])
    assert.notEqual(digest({}), digest(part as Partial<Content>));
});

test('a version is hidden from the microsecond of its expiry', () => {
  assert.deepEqual(shown([version('a', 1, { expiresMicros: 100 })]), []);
  assert.deepEqual(shown([version('a', 1, { expiresMicros: 101 })]), ['a1']);
  assert.deepEqual(shown([version('a', 1, { expiresMicros: 100 }), version('b', 1)]), ['b1']);
});

test('last write wins shows the newest version, and nothing when that expires', () => {
  assert.deepEqual(
    shown([version('a', 9, { timestampMicros: 5 }), version('b', 1, { timestampMicros: 6 })], true),
    ['b1'],
  );
  assert.deepEqual(shown([version('b', 1), version('a', 9)], true), ['b1']);
  assert.deepEqual(shown([version('a', 9), version('a', 10)], true), ['a10']);
  const winner = version('a', 1, { timestampMicros: 50, expiresMicros: 100 });
  assert.deepEqual(shown([version('b', 1), winner], true), []);
});

test('of a write that was sent twice, the version with the least dot is shown', () => {
  const twins = [
    version('c', 1, { idempotencyKey: 'k' }),
    version('a', 2, { idempotencyKey: 'k' }),
    version('b', 1),
  ];
  assert.deepEqual(shown(twins), ['a2', 'b1']);
  assert.deepEqual(shown([...twins, version('d', 1, { idempotencyKey: 'l' })]), ['a2', 'b1', 'd1']);
});

test('two values under one Idempotency-Key are both shown', () => {
  const two = new Uint8Array([2]);
  const reused = [
    version('a', 1, { idempotencyKey: 'k' }),
    version('b', 1, { idempotencyKey: 'k', value: two }),
  ];
  assert.deepEqual(shown(reused), ['a1', 'b1']);
  assert.deepEqual(gone(reused), []);
  const mixed = [
    ...reused,
    version('c', 1, { idempotencyKey: 'k', value: two, timestampMicros: 99 }),
  ];
  assert.deepEqual(shown(mixed), ['a1', 'b1']);
  assert.deepEqual(gone(mixed), ['c1']);
});

test('hidden includes the versions that an expired version hides', () => {
  const old = version('b', 1, { value: new Uint8Array([2]) });
  const newest = version('a', 1, { timestampMicros: 50, expiresMicros: 100 });
  const twins = [
    version('a', 1, { idempotencyKey: 'k', expiresMicros: 100 }),
    version('b', 1, { idempotencyKey: 'k' }),
  ];
  const cases: [string, ObjectVersion<Uint8Array>[], boolean, number, string[]][] = [
    ['an older version is hidden by the newest', [old, newest], true, 99, ['b1']],
    ['an older version is hidden when the newest expires', [old, newest], true, 100, ['a1', 'b1']],
    ['siblings expire independently', [old, newest], false, 100, ['a1']],
    ['a copy is hidden by the other', twins, false, 99, ['b1']],
    ['a copy is hidden when the other expires', twins, false, 100, ['a1', 'b1']],
    ['a single version is hidden when it expires', [newest], false, 100, ['a1']],
    ['a version before its expiry is not hidden', [newest], true, 99, []],
    ['no versions', [], true, 99, []],
  ];
  for (const [name, versions, isLastWriteWins, nowMicros, expected] of cases)
    assert.deepEqual(gone(versions, isLastWriteWins, nowMicros), expected, name);
});

test('the shown versions do not depend on the order of versions', () => {
  const part = fc.record({
    timestampMicros: fc.integer({ min: 0, max: 3 }),
    expiresMicros: fc.option(fc.integer({ min: 99, max: 101 }), { nil: undefined }),
    idempotencyKey: fc.option(fc.constantFrom('k', 'l'), { nil: undefined }),
  });
  fc.assert(
    fc.property(fc.array(part, { maxLength: 6 }), fc.boolean(), (parts, isLastWriteWins) => {
      const versions = parts.map((some, i) => version('abcdef'[i] as string, i + 1, some));
      assert.deepEqual(
        shown(versions, isLastWriteWins),
        shown([...versions].reverse(), isLastWriteWins),
      );
      // Without the hidden versions, readers see the same, now and at any later time.
      const rest = versions.filter(
        (one) => !hidden(versions, { now: () => 100, isLastWriteWins }).includes(one),
      );
      for (const later of [100, 101, 102])
        assert.deepEqual(
          shown(rest, isLastWriteWins, later),
          shown(versions, isLastWriteWins, later),
        );
    }),
  );
});

test('the last write is shown although another version is no content', () => {
  const good = {
    actor: 'a',
    counter: 1,
    body: packContent({ value: new Uint8Array(), contentType: 't', timestampMicros: 1 }),
  };
  const bad = { actor: 'b', counter: 1, body: Uint8Array.of(1, 2, 3) };
  const view = { now: () => 0, isLastWriteWins: true };
  for (const versions of [
    [good, bad],
    [bad, good],
  ])
    assert.deepEqual(visible(versions, view), [good]);
});
