import assert from 'node:assert/strict';
import { test } from 'node:test';
import { decode, encode } from '@msgpack/msgpack';
import fc from 'fast-check';
import { MecError } from '../../src/base/errors.ts';
import { CausalContext, type Dot } from '../../src/core/causality/causal-context.ts';
import { decodeToken, encodeToken } from '../../src/core/causality/token.ts';

const SEED_TOKEN = 'gapjb3JtYWNyZWxmgqdDb3VudGVyAalUaW1lc3RhbXDPE0nH5/H4nFU=';

const dot: fc.Arbitrary<Dot> = fc.record({
  actor: fc.constantFrom('n1~a', 'n2~b', 'cormacrelf'),
  counter: fc.oneof(fc.integer({ min: 1, max: 20 }), fc.integer({ min: 2 ** 31, max: 2 ** 34 })),
});

function assertRefused(text: string, key = 'k'): void {
  assert.throws(
    () => decodeToken(text, key),
    (error) => error instanceof MecError && error.code === 'bad-vclock',
    text.slice(0, 80),
  );
}

const toText = (value: unknown): string => Buffer.from(encode(value)).toString('base64');

test('a token of the first MecDB decodes', () => {
  assert.equal(decodeToken(SEED_TOKEN, 'any key').toString(), '{cormacrelf:1}');
});

test('decodeToken restores an encoded token with gaps and large counters', () => {
  fc.assert(
    fc.property(fc.array(dot, { maxLength: 20 }), fc.string(), (dots, key) => {
      const context = CausalContext.ofDots(dots);
      assert.ok(decodeToken(encodeToken(context, key), key).equals(context));
    }),
  );
});

test('encodeToken writes the format of the first MecDB', () => {
  const context = CausalContext.ofDots([
    { actor: 'a', counter: 1 },
    { actor: 'a', counter: 4 },
  ]);
  const text = encodeToken(context, 'k', new Map([['a', 1_800_000_000_000_001]]));
  const map = decode(Buffer.from(text, 'base64'), { useBigInt64: true }) as Record<
    string,
    Record<string, unknown>
  >;
  assert.deepEqual(map['a'], { Counter: 1, Timestamp: 1_800_000_000_000_001_000n, Dots: [4, 4] });
});

test('decodeToken refuses the token of another key', () => {
  assertRefused(encodeToken(CausalContext.ofBase('a', 1), 'one key'), 'another key');
});

test('decodeToken refuses malformed tokens', () => {
  const entry = { Counter: 1, Timestamp: 1 };
  for (const text of [
    '',
    '!',
    'AAA',
    'AAAA=',
    ' ',
    `${SEED_TOKEN} `,
    SEED_TOKEN.slice(4),
    'A'.repeat(32_772),
  ])
    assertRefused(text);
  const values: unknown[] = [
    1,
    'x',
    null,
    [],
    [entry],
    { a: 1 },
    { a: null },
    { a: [] },
    { a: {} },
    { a: { Timestamp: 1 } },
    { a: { Counter: 0 } },
    { a: { Counter: -1 } },
    { a: { Counter: 1.5 } },
    { a: { Counter: '1' } },
    { a: { Counter: 2 ** 60 } },
    { a: { Counter: 1, Dots: [] } },
    { a: { Counter: 1, Dots: [3] } },
    { a: { Counter: 1, Dots: [5, 4] } },
    { a: { Counter: 1, Dots: 'x' } },
    { a: { Counter: 1, Dots: [3, 4, 5, 6] } },
    { '~key': { Counter: 1 } },
  ];
  for (const value of values) assertRefused(toText(value));
  assertRefused(
    toText({
      a: {
        Counter: 1,
        Dots: Array.from({ length: 10_000 }, (_, i) => 3 + 4 * Math.floor(i / 2) + (i % 2)),
      },
    }),
  );
  assertRefused(Buffer.concat([encode({ a: entry }), Buffer.from([1])]).toString('base64'));
});

test('decodeToken throws only bad-vclock on random bytes', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => {
      try {
        decodeToken(Buffer.from(bytes).toString('base64'), 'k');
      } catch (error) {
        assert.ok(error instanceof MecError && error.code === 'bad-vclock');
      }
    }),
    { numRuns: 2_000 },
  );
});

test('decodeToken allocates no memory for announced items that are missing', () => {
  for (const size of [20, 42, 100, 12_000]) {
    const bomb = Buffer.from(
      Array.from({ length: size }, () => [0xdd, 0x01, 0xff, 0xff, 0xff]).flat(),
    );
    const before = process.memoryUsage().rss;
    assertRefused(bomb.toString('base64'));
    assert.ok(process.memoryUsage().rss - before < 64 * 1024 * 1024);
  }
});

test('decodeToken accepts the largest token that encodeToken makes', () => {
  const context = new CausalContext();
  for (let i = 0; i < 5_000; i++) context.add(`some-long-node-name-${i}~0123456789`, i + 1);
  context.add('the-one-that-counts~0123456789', 7);
  const text = encodeToken(context, 'k', new Map([['the-one-that-counts~0123456789', 1]]));
  const back = decodeToken(text, 'k');
  assert.ok(back.has('the-one-that-counts~0123456789', 7));
  assert.ok(context.covers(back));
});

test('encodeToken leaves out what decodeToken would refuse', () => {
  const number = fc.integer({ min: 1, max: 99 });
  const actor = number.map((i) => (i % 2 === 0 ? `n${i}~life` : '\u{1f600}'.repeat(i % 64)));
  const from = fc.integer({ min: 1, max: 2 ** 40 });
  const entry = fc.tuple(actor, fc.integer({ min: 1, max: 5_000 }), from);
  fc.assert(
    fc.property(fc.array(entry, { minLength: 1, maxLength: 40 }), (entries) => {
      const context = new CausalContext();
      for (const [name, count, first] of entries) {
        const dots = Array.from({ length: count }, (_, i) => first + 2 * i);
        context.addRanges(
          name,
          dots.flatMap((at) => [at, at]),
        );
      }
      const [name = ''] = context.actors();
      const text = encodeToken(context, 'k', new Map([[name, 1]]));
      const back = decodeToken(text, 'k');
      assert.ok(context.covers(back));
      assert.ok(back.has(name, context.max(name)), 'it has the latest dot of an actor with a time');
    }),
    { numRuns: 30 },
  );
});
