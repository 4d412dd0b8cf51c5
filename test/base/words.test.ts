import assert from 'node:assert/strict';
import { test } from 'node:test';
import { decode, encode } from '@msgpack/msgpack';
import fc from 'fast-check';
import { compareUtf8 } from '../../src/base/bytes.ts';
import { isSaneMsgpack } from '../../src/base/msgpack-shape.ts';

const value = fc.letrec((tie) => ({
  any: fc.oneof(
    { maxDepth: 4, depthSize: 'small' },
    tie('leaf'),
    fc.array(tie('any')),
    fc.dictionary(fc.string(), tie('any')),
  ),
  leaf: fc.oneof(
    fc.integer(),
    fc.maxSafeInteger(),
    fc.double({ noNaN: true }),
    fc.string({ maxLength: 400 }),
    fc.boolean(),
    fc.constant(null),
    fc.uint8Array({ maxLength: 400 }),
  ),
})).any;

test('isSaneMsgpack accepts every encoded value, unless a byte is cut off or added', () => {
  fc.assert(
    fc.property(value, (thing) => {
      const bytes = encode(thing);
      assert.ok(isSaneMsgpack(bytes));
      assert.ok(!isSaneMsgpack(bytes.subarray(0, -1)));
      assert.ok(!isSaneMsgpack(Buffer.concat([bytes, Uint8Array.of(0)])));
    }),
    { numRuns: 1_000 },
  );
});

test('bytes that isSaneMsgpack accepts can be decoded', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 64 }), (bytes) => {
      if (!isSaneMsgpack(bytes)) return;
      try {
        decode(bytes);
      } catch (error) {
        // The decoder is stricter about the keys of maps.
        assert.match(String(error), /key/i);
      }
    }),
    { numRuns: 20_000 },
  );
});

test('isSaneMsgpack refuses deep nesting and announced items without bytes', () => {
  assert.ok(!isSaneMsgpack(Uint8Array.from({ length: 20 }, () => 0x91)));
  assert.ok(!isSaneMsgpack(Uint8Array.of(0xdd, 0x00, 0x0f, 0xff, 0xff)));
  assert.ok(!isSaneMsgpack(Uint8Array.of(0xdf, 0xff, 0xff, 0xff, 0xff)));
  assert.ok(!isSaneMsgpack(Uint8Array.of(0xc6, 0xff, 0xff, 0xff, 0xff, 1)));
  assert.ok(!isSaneMsgpack(new Uint8Array()));
});

test('compareUtf8 orders texts like their UTF-8 bytes', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'grapheme' }), fc.string({ unit: 'grapheme' }), (a, b) => {
      assert.equal(Math.sign(compareUtf8(a, b)), Buffer.compare(Buffer.from(a), Buffer.from(b)));
    }),
  );
});
