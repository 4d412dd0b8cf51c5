import { test } from 'node:test';
import assert from 'node:assert/strict';
import { createHmac } from 'node:crypto';
import fc from 'fast-check';
import { areSameMacs, MAC_BYTES, macOf } from '../../src/base/mac.ts';

test('a code is that of RFC 4231, case 5, with 128 bits', () => {
  const code = macOf(new Uint8Array(20).fill(0x0c), 'Test With Truncation');
  assert.equal(Buffer.from(code).toString('hex'), 'a3b6167473100ee06e0c796c2955552b');
});

test('a code is the start of an HMAC-SHA256, for secrets up to a block and messages of any length', () => {
  const bytes = (maxLength: number): fc.Arbitrary<Uint8Array> => fc.uint8Array({ maxLength });
  const text = fc.string({ unit: 'binary', maxLength: 4_000 });
  fc.assert(
    fc.property(bytes(64), text, bytes(10_000), (secret, start, end) => {
      const expected = createHmac('sha256', secret).update(start).update(end).digest();
      const code = macOf(secret, start, end);
      assert.ok(areSameMacs(code, expected.subarray(0, MAC_BYTES)));
      assert.ok(areSameMacs(macOf(secret, start, end), code), 'and again with a known secret');
    }),
    { numRuns: 200 },
  );
});

test('a secret that is longer than a block is refused', () => {
  assert.throws(() => macOf(new Uint8Array(65), ''), RangeError);
});
