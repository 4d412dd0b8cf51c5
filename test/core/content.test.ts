/** Packed contents of this version, of later versions, and of store format 1. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { pack, unpack } from '../../src/base/msgpack.ts';
import {
  type Content,
  expiryOf,
  idempotencyKeyOf,
  packContent,
  unpackContent,
} from '../../src/core/value/content.ts';

const text = fc.string({ unit: 'grapheme' });
const micros = fc.integer({ min: 0, max: 2 ** 52 });
const maybe = <T>(of: fc.Arbitrary<T>): fc.Arbitrary<T | undefined> =>
  fc.option(of, { nil: undefined });
const contents: fc.Arbitrary<Content> = fc.record({
  value: fc.uint8Array({ maxLength: 64 }),
  contentType: text,
  contentEncoding: maybe(text),
  timestampMicros: micros,
  clientId: maybe(text),
  meta: maybe(fc.array(fc.tuple(text, text), { maxLength: 3 })),
  expiresMicros: maybe(micros),
  idempotencyKey: maybe(text),
});

test('unpackContent restores a packed content, with its expiry and Idempotency-Key', () => {
  fc.assert(
    fc.property(contents, (content) => {
      const body = packContent(content);
      const found = unpackContent(body);
      assert.deepEqual({ ...found, value: Uint8Array.from(found.value) }, { ...content });
      assert.equal(expiryOf(body), content.expiresMicros);
      assert.equal(idempotencyKeyOf(body), content.idempotencyKey);
    }),
  );
});

test('packContent keeps the fields of a later version unchanged', () => {
  for (const flag of [32, 64, 128, 2 ** 20]) {
    const content = {
      value: Uint8Array.of(1),
      contentType: 't',
      timestampMicros: 5,
      expiresMicros: 7,
    };
    const [flags, , ...rest] = unpack(packContent(content)) as [number, number, ...unknown[]];
    const later = pack([flags | flag, 5, ...rest, { owner: 'ann' }]);
    const found = unpackContent(later);
    assert.deepEqual(found.later, { flags: flag, fields: [{ owner: 'ann' }] });
    assert.equal(expiryOf(later), 7);
    assert.equal(idempotencyKeyOf(later), undefined);
    const again = pack([flags | flag, 6, ...rest, { owner: 'ann' }]);
    assert.deepEqual(packContent({ ...found, timestampMicros: 6 }), again);
  }
});

test('unpackContent reads both forms of store format 1', () => {
  const now = 1_700_000_000_000_000;
  const plain = unpackContent(pack([now, 't', 'gzip', null, [['a', 'b']], Uint8Array.of(1)]));
  assert.deepEqual(
    [plain.contentEncoding, plain.meta, plain.expiresMicros],
    ['gzip', [['a', 'b']], undefined],
  );
  const whole = pack([now, 't', null, 'ann', null, Uint8Array.of(1), now + 1, 'key']);
  assert.deepEqual(
    [unpackContent(whole).clientId, expiryOf(whole), idempotencyKeyOf(whole)],
    ['ann', now + 1, 'key'],
  );
});

test('unpackContent throws on bytes that are not a content', () => {
  const one = Uint8Array.of(1);
  for (const fields of [
    [],
    [1],
    [0, 5, 't'],
    [1, 5, 't', one],
    [0, 5, 't', 'text'],
    [-1, 5, 't', one],
  ]) {
    assert.throws(
      () => unpackContent(pack(fields)),
      /not a packed content/,
      JSON.stringify(fields),
    );
  }
});
