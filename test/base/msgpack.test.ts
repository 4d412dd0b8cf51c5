/** Our msgpack code, compared with the library as the authority. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { decode, encode } from '@msgpack/msgpack';
import fc from 'fast-check';
import { allocate } from '../../src/base/slab.ts';
import { isSaneMsgpack } from '../../src/base/msgpack-shape.ts';
import { MsgpackWriter } from '../../src/base/msgpack-writer.ts';

const text = fc.oneof(
  fc.string({ unit: 'grapheme', maxLength: 40 }),
  fc.string({ minLength: 250, maxLength: 300 }),
);
const anything = fc.anything({
  maxDepth: 4,
  values: [
    fc.integer(),
    fc.double(),
    fc.boolean(),
    fc.constant(null),
    text,
    fc.uint8Array({ maxLength: 300 }),
    fc.maxSafeNat(),
  ],
  key: text,
});

test('isSaneMsgpack accepts all output of the library, unless a byte is cut off or added', () => {
  const large = fc.dictionary(text, fc.array(fc.boolean(), { maxLength: 20 }), {
    minKeys: 16,
    maxKeys: 20,
  });
  const property = fc.property(fc.oneof(anything, large), (value) => {
    const bytes = encode(value, { ignoreUndefined: true, maxDepth: 8 });
    assert.ok(isSaneMsgpack(bytes));
    assert.ok(!isSaneMsgpack(bytes.subarray(0, -1)));
    assert.ok(!isSaneMsgpack(Uint8Array.of(...bytes, 0xc0)));
  });
  fc.assert(property, { numRuns: 500 });
});

test('the library decodes exactly the bytes that isSaneMsgpack accepts', () => {
  const head = fc.constantFrom(
    0x81,
    0x92,
    0xc0,
    0xc1,
    0xc4,
    0xc7,
    0xcb,
    0xcf,
    0xd3,
    0xd4,
    0xd9,
    0xdc,
    0xdd,
    0xde,
    0xdf,
  );
  const bytes = fc.array(fc.oneof(head, fc.integer({ min: 0, max: 255 }), fc.constant(0)), {
    maxLength: 20,
  });
  let sane = 0;
  const property = fc.property(bytes, (list) => {
    const candidate = Uint8Array.from(list);
    if (isSaneMsgpack(candidate)) {
      sane += 1;
      // Only a text or a number may be a key. The library checks that, and `isSaneMsgpack` does
      // not.
      try {
        decode(candidate);
      } catch (error) {
        assert.match(String(error), /The type of key must be/);
      }
      return;
    }
    // The other refused bytes are invalid for the library too, unless they have an extension or are
    // too deep.
    const hasExtension = list.some(
      (byte) => (byte >= 0xc7 && byte <= 0xc9) || (byte >= 0xd4 && byte <= 0xd8),
    );
    if (!hasExtension && list.length < 8) assert.throws(() => decode(candidate));
  });
  fc.assert(property, { numRuns: 5_000 });
  assert.ok(sane > 100, `${sane}`);
});

test('isSaneMsgpack refuses headers that announce missing items, and nesting that is too deep', () => {
  assert.ok(!isSaneMsgpack(Uint8Array.of(0xdd, 0xff, 0xff, 0xff, 0xff)));
  assert.ok(!isSaneMsgpack(Uint8Array.of(0xdf, 0x80, 0, 0, 0)));
  assert.ok(isSaneMsgpack(Uint8Array.from([...Array<number>(7).fill(0x91), 0x90])));
  assert.ok(!isSaneMsgpack(Uint8Array.from([...Array<number>(8).fill(0x91), 0x90])));
});

/** Writes any value that a token can consist of: maps, arrays, texts and whole numbers. */
function write(writer: MsgpackWriter, value: unknown): void {
  if (typeof value === 'string') writer.text(value);
  else if (typeof value === 'number') writer.integer(value);
  else if (typeof value === 'bigint') writer.product(Number(value / 1000n), 1000);
  else if (Array.isArray(value)) {
    writer.array(value.length);
    for (const item of value) write(writer, item);
  } else {
    const entries = Object.entries(value as object);
    writer.map(entries.length);
    for (const [key, item] of entries) {
      writer.text(key);
      write(writer, item);
    }
  }
}

test('MsgpackWriter writes the same bytes as the library', () => {
  const number = fc.oneof(
    fc.integer({ min: 0, max: 70_000 }),
    fc.integer({ min: 0, max: 0xffff_ffff }),
  );
  const nanos = fc.maxSafeNat().map((micros) => BigInt(micros) * 1000n);
  const leaf = fc.oneof(number, text, nanos, fc.array(number, { maxLength: 40 }));
  const property = fc.property(
    fc.dictionary(text, fc.dictionary(text, leaf), { maxKeys: 30 }),
    (value) => {
      const writer = new MsgpackWriter();
      write(writer, value);
      assert.equal(
        writer.toBase64(),
        Buffer.from(encode(value, { useBigInt64: true })).toString('base64'),
      );
    },
  );
  fc.assert(property, { numRuns: 500 });
});

test('MsgpackWriter writes whole numbers beyond 32 bits exactly', () => {
  for (const n of [2 ** 32, 2 ** 53 - 1, 1_700_000_000_123_456]) {
    const writer = new MsgpackWriter();
    writer.integer(n);
    assert.equal(
      decode(Buffer.from(writer.toBase64(), 'base64'), { useBigInt64: true }),
      BigInt(n),
    );
  }
});

test('arrays allocated one after the other do not overlap', () => {
  const property = fc.property(
    fc.array(fc.integer({ min: 0, max: 5_000 }), { maxLength: 60 }),
    (lengths) => {
      const all = lengths.map((length, i) => allocate(length).fill(i));
      for (const [i, bytes] of all.entries()) {
        assert.equal(bytes.length, lengths[i]);
        assert.ok(bytes.every((byte) => byte === i % 256));
      }
    },
  );
  fc.assert(property);
});
