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
} from '../../src/core/content.ts';
import type { Version } from '../../src/core/object.ts';
import { visible } from '../../src/core/visible.ts';

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

const version = (actor: string, counter: number, part: Partial<Content> = {}): Version<Uint8Array> => ({
  actor,
  counter,
  body: packContent(content(part)),
});

const shown = (versions: Version<Uint8Array>[], isLastWriteWins = false, nowMicros = 100): string[] =>
  visible(versions, { nowMicros, isLastWriteWins })
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

test('where the last write wins it is the newest, then the one with the greater dot; what it has won over does not come back', () => {
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
    }),
  );
});
