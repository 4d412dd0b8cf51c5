/** Our msgpack code, compared with the library as the authority. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { decode, encode } from '@msgpack/msgpack';
import fc from 'fast-check';
import { allocate } from '../../src/base/bytes.ts';
import {
  pack,
  packAfter,
  unpack,
  unpackForeign,
  unpackForeignBig,
} from '../../src/base/msgpack.ts';
import { MsgpackWriter } from '../../src/base/msgpack-writer.ts';

const text = fc
  .oneof(
    fc.string({ unit: 'grapheme', maxLength: 40 }),
    fc.string({ minLength: 250, maxLength: 300 }),
  )
  // No key of a map, for the library and for us.
  .filter((drawn) => drawn !== '__proto__');
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

const isRead = (bytes: Uint8Array): boolean => {
  try {
    unpackForeign(bytes);
    return true;
  } catch {
    return false;
  }
};

/** A value as the library reads it back: without undefined values, and byte arrays of one class. */
const readBack = (value: unknown): unknown => decode(encode(value, { ignoreUndefined: true }));

test('unpackForeign reads the output of the library, unless a byte is cut off or added', () => {
  const large = fc.dictionary(text, fc.array(fc.boolean(), { maxLength: 20 }), {
    minKeys: 16,
    maxKeys: 20,
  });
  const property = fc.property(fc.oneof(anything, large), (value) => {
    const bytes = encode(value, { ignoreUndefined: true, maxDepth: 8 });
    assert.deepEqual(unpackForeign(bytes), decode(bytes));
    assert.deepEqual(
      unpackForeignBig(encode(value, { ignoreUndefined: true })),
      decode(bytes, { useBigInt64: true }),
    );
    assert.ok(!isRead(bytes.subarray(0, -1)));
    assert.ok(!isRead(Uint8Array.of(...bytes, 0xc0)));
  });
  fc.assert(property, { numRuns: 500 });
});

test('unpackForeign reads floats of 32 bits, which the library does not write', () => {
  assert.equal(unpackForeign(encode(1.5, { forceFloat32: true })), 1.5);
});

test('unpackForeign reads a byte array as a view, and the same text as the same text', () => {
  const bytes = encode([Uint8Array.of(1, 2), 'name']);
  const [view] = unpackForeign(bytes) as [Uint8Array];
  assert.equal(view.buffer, bytes.buffer);
  const others = ['other', 'name', 'nam\u00e9', '', 'name'.repeat(20)];
  assert.deepEqual(unpackForeign(encode(others)), others);
});

test('unpackForeign reads exactly those random bytes that the library reads', () => {
  const head = fc.constantFrom(
    0x81,
    0x92,
    0xc0,
    0xc1,
    0xc4,
    0xc7,
    0xca,
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
  let read = 0;
  const property = fc.property(bytes, (list) => {
    const candidate = Uint8Array.from(list);
    if (isRead(candidate)) {
      read += 1;
      decode(candidate);
      return;
    }
    // The other refused bytes are invalid for the library too, unless they have an extension, a
    // number as a key, or are too deep.
    const hasExtension = list.some(
      (byte) => (byte >= 0xc7 && byte <= 0xc9) || (byte >= 0xd4 && byte <= 0xd8),
    );
    const hasMap = list.some((byte) => (byte >= 0x80 && byte <= 0x8f) || byte >= 0xde);
    if (!hasExtension && !hasMap && list.length < 8) assert.throws(() => decode(candidate));
  });
  fc.assert(property, { numRuns: 5_000 });
  assert.ok(read > 100, `${read}`);
});

test('unpackForeign refuses headers that announce missing items, and nesting that is too deep', () => {
  assert.ok(!isRead(new Uint8Array()));
  assert.ok(!isRead(Uint8Array.of(0xdd, 0xff, 0xff, 0xff, 0xff)));
  assert.ok(!isRead(Uint8Array.of(0xdf, 0x80, 0, 0, 0)));
  assert.ok(!isRead(Uint8Array.of(0xc6, 0xff, 0xff, 0xff, 0xff, 1)));
  assert.ok(isRead(Uint8Array.from([...Array<number>(7).fill(0x91), 0x90])));
  assert.ok(!isRead(Uint8Array.from([...Array<number>(8).fill(0x91), 0x90])));
});

test('unpackForeign refuses a map with a key that is a number or would be its prototype', () => {
  assert.ok(!isRead(Uint8Array.of(0x81, 1, 1)));
  assert.ok(!isRead(Uint8Array.of(0x81, 0xa9, ...Buffer.from('__proto__'), 0x80)));
});

test('pack writes the same bytes as the library', () => {
  const property = fc.property(anything, (value) => {
    const plain = readBack(value);
    assert.deepEqual(Buffer.from(pack(plain)), Buffer.from(encode(plain)));
  });
  fc.assert(property, { numRuns: 500 });
  for (const n of [-1, -32, -33, -128, -129, -32_769, -(2 ** 31), -(2 ** 31) - 1, -(2 ** 53) + 1])
    assert.deepEqual(Buffer.from(pack(n)), Buffer.from(encode(n)), `${n}`);
  for (const length of [255, 256, 65_535, 65_536, 200_000]) {
    for (const long of [
      'x'.repeat(length),
      new Uint8Array(length),
      Array.from({ length }, () => 1),
    ])
      assert.deepEqual(Buffer.from(pack(long)), Buffer.from(encode(long)), `${length}`);
  }
});

test('pack refuses a value without a msgpack form, and a list in itself', () => {
  assert.throws(() => pack(1n), /bigint/);
  const loop: unknown[] = [];
  loop.push(loop);
  assert.throws(() => pack(loop), /nested too deep/);
});

test('packAfter leaves room for its caller', () => {
  assert.deepEqual(packAfter(5, 'a').length, 5 + encode('a').length);
  assert.deepEqual(unpack(packAfter(5, ['a', null]).subarray(5)), ['a', null]);
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
