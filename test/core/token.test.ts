import assert from 'node:assert/strict';
import { test } from 'node:test';
import { decode, encode } from '@msgpack/msgpack';
import fc from 'fast-check';
import { MecError } from '../../src/base/errors.ts';
import { CausalContext, type Dot } from '../../src/core/causality/causal-context.ts';
import { MAX_SENT_TOKEN_CHARS } from '../../src/core/limits.ts';
import { decodeToken, encodeToken, isToken } from '../../src/core/causality/token.ts';

const SEED_TOKEN = 'gapjb3JtYWNyZWxmgqdDb3VudGVyAalUaW1lc3RhbXDPE0nH5/H4nFU=';

const dot: fc.Arbitrary<Dot> = fc.record({
  actor: fc.constantFrom('n1~a', 'n2~b', 'cormacrelf'),
  counter: fc.oneof(fc.integer({ min: 1, max: 20 }), fc.integer({ min: 2 ** 31, max: 2 ** 34 })),
});

function assertRefused(text: string, key = 'k'): void {
  assert.throws(
    () => decodeToken(text, key).context,
    (error) => error instanceof MecError && error.code === 'bad-vclock',
    text.slice(0, 80),
  );
}

const toText = (value: unknown): string => Buffer.from(encode(value)).toString('base64');

test('a token of the first MecDB decodes', () => {
  assert.equal(decodeToken(SEED_TOKEN, 'any key').context.toString(), '{cormacrelf:1}');
});

test('decodeToken restores an encoded token with gaps and large counters', () => {
  fc.assert(
    fc.property(fc.array(dot, { maxLength: 20 }), fc.string(), (dots, key) => {
      const context = CausalContext.ofDots(dots);
      assert.ok(decodeToken(encodeToken(context, key), key).context.equals(context));
    }),
  );
});

test('encodeToken writes the format of the first MecDB', () => {
  const context = CausalContext.ofDots([
    { actor: 'a', counter: 1 },
    { actor: 'a', counter: 4 },
  ]);
  const text = encodeToken(context, 'k', {
    microsByActor: new Map([['a', 1_800_000_000_000_001]]),
  });
  const map = decode(Buffer.from(text, 'base64'), { useBigInt64: true }) as Record<
    string,
    Record<string, unknown>
  >;
  assert.deepEqual(map['a'], { Counter: 1, Timestamp: 1_800_000_000_000_001_000n, Dots: [4, 4] });
});

test('decodeToken refuses the token of another key', () => {
  assertRefused(encodeToken(CausalContext.ofBase('a', 1), 'one key'), 'another key');
});

test('isToken accepts the tokens of every key, and no other text', () => {
  const context = new CausalContext();
  context.addRanges('n1~0123456789', [1, 3]);
  assert.ok(isToken(encodeToken(context, 'a')));
  for (const text of ['', 'keep', 'aGVsbG8=', '# notes', 'gA=']) assert.ok(!isToken(text), text);
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

/** A context with gaps: for each entry an actor, a number of dots, and the first of them. */
function gapped(entries: readonly (readonly [string, number, number])[]): CausalContext {
  const context = new CausalContext();
  for (const [name, count, first] of entries) {
    const dots = Array.from({ length: count }, (_, i) => first + 2 * i);
    context.addRanges(
      name,
      dots.flatMap((at) => [at, at]),
    );
  }
  return context;
}

test('a token of an answer has at most 4 KiB, and the versions of the answer', () => {
  const number = fc.integer({ min: 1, max: 99 });
  const actor = number.map((i) => (i % 2 === 0 ? `n${i}~life` : '\u{1f600}'.repeat(i % 64)));
  const from = fc.integer({ min: 1, max: 2 ** 40 });
  const entry = fc.tuple(actor, fc.integer({ min: 1, max: 5_000 }), from);
  const entries = fc.array(entry, { minLength: 1, maxLength: 40 });
  fc.assert(
    fc.property(entries, fc.array(fc.nat(), { maxLength: 8 }), (given, picks) => {
      const context = gapped(given);
      // Versions anywhere in the context, and not only at its ends.
      const versions = picks.map((pick): Dot => {
        const [name, count, first] = given[pick % given.length] as [string, number, number];
        return { actor: name, counter: first + 2 * (pick % count) };
      });
      const text = encodeToken(context, 'k', { versions });
      assert.ok(text.length <= MAX_SENT_TOKEN_CHARS, `${text.length} characters`);
      const back = decodeToken(text, 'k').context;
      assert.ok(context.covers(back));
      for (const version of versions)
        assert.ok(back.has(version.actor, version.counter), `${version.actor}:${version.counter}`);
    }),
    { numRuns: 40 },
  );
});

test('the token of a hundred siblings of a hundred actors has most of them', () => {
  const names = Array.from({ length: 5_000 }, (_, i) => `some-long-node-name-${i}~0123456789`);
  const context = CausalContext.ofDots(names.map((actor, i) => ({ actor, counter: i + 1 })));
  const versions = names.slice(-100).map((actor, i) => ({ actor, counter: 4_901 + i }));
  const back = decodeToken(encodeToken(context, 'k', { versions }), 'k').context;
  const had = versions.filter(({ actor, counter }) => back.has(actor, counter));
  // They are replaced in two or three writes.
  assert.ok(had.length >= 30, `${had.length}`);
  assert.equal(back.size, had.length, 'it has nothing else');
});
