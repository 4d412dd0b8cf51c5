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

const version = (actor: string, counter: number, part: Partial<Content> = {}): ObjectVersion<Uint8Array> => ({
  actor,
  counter,
  body: packContent(content(part)),
});

const shown = (versions: ObjectVersion<Uint8Array>[], isLastWriteWins = false, nowMicros = 100): string[] =>
  visible(versions, { now: () => nowMicros, isLastWriteWins })
    .map(({ actor, counter }) => `${actor}${counter}`)
    .sort();

const gone = (versions: ObjectVersion<Uint8Array>[], isLastWriteWins = false, nowMicros = 100): string[] =>
  hidden(versions, { now: () => nowMicros, isLastWriteWins })
    .map(({ actor, counter }) => `${actor}${counter}`)
    .sort();

test('a content survives packing, and what is peeked at is what is in it', () => {
  for (const whole of [
    content(),
    content({ expiresMicros: 1_795_168_800_000_000 }),
    content({ idempotencyKey: 'k' }),
    content({ expiresMicros: 5, idempotencyKey: 'k', clientId: 'me', meta: [['a', 'b']], contentEncoding: 'br' }),
  ]) {
    const packed = packContent(whole);
    assert.deepEqual(unpackContent(packed), { ...whole, value: unpackContent(packed).value });
    assert.equal(expiryOf(packed), whole.expiresMicros);
    assert.equal(idempotencyKeyOf(packed), whole.idempotencyKey);
  }
  for (const bytes of [new Uint8Array(), Uint8Array.of(0x98), Uint8Array.of(0x98, 1, 2, 3)])
    assert.equal(expiryOf(bytes), undefined);
});

test('a digest is of what was written, not of when or under which key', () => {
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

test('what has expired is not shown, from that very microsecond on', () => {
  assert.deepEqual(shown([version('a', 1, { expiresMicros: 100 })]), []);
  assert.deepEqual(shown([version('a', 1, { expiresMicros: 101 })]), ['a1']);
  assert.deepEqual(shown([version('a', 1, { expiresMicros: 100 }), version('b', 1)]), ['b1']);
});

test('last write wins: the newest, then the greater dot; what it has won over does not come back', () => {
  assert.deepEqual(shown([version('a', 9, { timestampMicros: 5 }), version('b', 1, { timestampMicros: 6 })], true), [
    'b1',
  ]);
  assert.deepEqual(shown([version('b', 1), version('a', 9)], true), ['b1']);
  assert.deepEqual(shown([version('a', 9), version('a', 10)], true), ['a10']);
  const winner = version('a', 1, { timestampMicros: 50, expiresMicros: 100 });
  assert.deepEqual(shown([version('b', 1), winner], true), []);
});

test('of one write that was sent twice, the least dot is shown; of others, all', () => {
  const twins = [version('c', 1, { idempotencyKey: 'k' }), version('a', 2, { idempotencyKey: 'k' }), version('b', 1)];
  assert.deepEqual(shown(twins), ['a2', 'b1']);
  assert.deepEqual(shown([...twins, version('d', 1, { idempotencyKey: 'l' })]), ['a2', 'b1', 'd1']);
});

test('one id with two different values is two writes; whatever else differs, one value is one write', () => {
  const two = new Uint8Array([2]);
  const reused = [version('a', 1, { idempotencyKey: 'k' }), version('b', 1, { idempotencyKey: 'k', value: two })];
  assert.deepEqual(shown(reused), ['a1', 'b1']);
  assert.deepEqual(gone(reused), []);
  const mixed = [...reused, version('c', 1, { idempotencyKey: 'k', value: two, timestampMicros: 99 })];
  assert.deepEqual(shown(mixed), ['a1', 'b1']);
  assert.deepEqual(gone(mixed), ['c1']);
});

test('what expires takes with it what it hides', () => {
  const old = version('b', 1, { value: new Uint8Array([2]) });
  const newest = version('a', 1, { timestampMicros: 50, expiresMicros: 100 });
  const twins = [
    version('a', 1, { idempotencyKey: 'k', expiresMicros: 100 }),
    version('b', 1, { idempotencyKey: 'k' }),
  ];
  const cases: [string, ObjectVersion<Uint8Array>[], boolean, number, string[]][] = [
    ['a loser goes even while the winner lives', [old, newest], true, 99, ['b1']],
    ['and with it when that expires', [old, newest], true, 100, ['a1', 'b1']],
    ['siblings expire each for itself', [old, newest], false, 100, ['a1']],
    ['a twin goes while the other lives', twins, false, 99, ['b1']],
    ['and with it when that expires, whatever time it has itself', twins, false, 100, ['a1', 'b1']],
    ['a single version that expires', [newest], false, 100, ['a1']],
    ['one that lives', [newest], true, 99, []],
    ['nothing', [], true, 99, []],
  ];
  for (const [name, versions, isLastWriteWins, nowMicros, expected] of cases)
    assert.deepEqual(gone(versions, isLastWriteWins, nowMicros), expected, name);
});

test('what is shown does not depend on the order of the versions', () => {
  const part = fc.record({
    timestampMicros: fc.integer({ min: 0, max: 3 }),
    expiresMicros: fc.option(fc.integer({ min: 99, max: 101 }), { nil: undefined }),
    idempotencyKey: fc.option(fc.constantFrom('k', 'l'), { nil: undefined }),
  });
  fc.assert(
    fc.property(fc.array(part, { maxLength: 6 }), fc.boolean(), (parts, isLastWriteWins) => {
      const versions = parts.map((some, i) => version('abcdef'[i] as string, i + 1, some));
      assert.deepEqual(shown(versions, isLastWriteWins), shown([...versions].reverse(), isLastWriteWins));
      // Once what is hidden has gone, readers see what they saw before, now and at any later time.
      const rest = versions.filter((one) => !hidden(versions, { now: () => 100, isLastWriteWins }).includes(one));
      for (const later of [100, 101, 102])
        assert.deepEqual(shown(rest, isLastWriteWins, later), shown(versions, isLastWriteWins, later));
    }),
  );
});
