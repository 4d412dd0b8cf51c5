/** Rights on prefixes: the keys that they cover, and the rights that two have in common. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import {
  normalRights,
  type Right,
  rightsOfBoth,
  RightsTable,
} from '../../../src/core/security/rights.ts';
import {
  KEY_VERBS,
  ofKey,
  onKey,
  type Verb,
  VERBS,
  verbSetOf,
  verbsOf,
} from '../../../src/core/security/verb.ts';

const right = (prefix: string, ...verbs: Verb[]): Right => ({ prefix, verbs: verbSetOf(verbs) });

const COMPOSED = 'caf\u00e9';
const DECOMPOSED = 'cafe\u0301';

/** A right, a key, and whether the right covers the key. */
const CASES: readonly (readonly [prefix: string, key: string, isCovered: boolean])[] = [
  ['a/', 'a/b', true],
  ['a/', 'a/', true],
  ['a/', 'a', false],
  ['a/', 'ab', false],
  ['a', 'a/b', true],
  ['a', 'ab', true],
  ['a/', 'a%2Fb', false],
  ['a/', 'a%252Fb', false],
  ['a/', 'A/b', false],
  ['', 'anything', true],
  [COMPOSED, `${COMPOSED}s`, true],
  [COMPOSED, `${DECOMPOSED}s`, false],
  [DECOMPOSED, COMPOSED, false],
  ['\u{1f600}', '\u{1f600}x', true],
  ['\u{1f600}', '\u{1f601}x', false],
  ['a/../', 'b', false],
  ['x/long/prefix', 'x/long', false],
];

for (const [prefix, key, isCovered] of CASES) {
  test(`a right on ${JSON.stringify(prefix)} ${isCovered ? 'covers' : 'misses'} ${key}`, () => {
    const table = new RightsTable([right(prefix, 'read')]);
    assert.equal(table.allows('read', key), isCovered);
    assert.equal(table.allows('write', key), false);
  });
}

test('a right on one key covers that key, and no other and no listing', () => {
  const table = new RightsTable([{ prefix: 'a/b', verbs: onKey(verbSetOf(['read', 'list'])) }]);
  assert.ok(table.allows('read', 'a/b'));
  for (const other of ['a/', 'a/bc', 'a/b/', 'a', ''])
    assert.ok(!table.allows('read', other), other);
  assert.ok(!table.allows('write', 'a/b'));
  assert.equal(table.verbs, verbSetOf(['read', 'list']));
});

test('the normal form of many rights takes time by their number, not by its square', () => {
  const costOf = (count: number): number => {
    const many = Array.from({ length: count }, (_, i) => right(`key-${i}/`, 'read'));
    const before = process.cpuUsage();
    assert.equal(normalRights(many).length, count);
    assert.equal(rightsOfBoth(many, many).length, count);
    const { user, system } = process.cpuUsage(before);
    return user + system;
  };
  costOf(1_000);
  // Sixteen times the rights took 256 times as long.
  const [few, more] = [costOf(1_000), costOf(16_000)];
  assert.ok(more < 100 * Math.max(few, 1_000), `${few} and ${more} µs`);
});

test('without rights nothing is allowed', () => {
  for (const verb of VERBS) assert.equal(new RightsTable([]).allows(verb, ''), false);
});

const rights = fc
  .array(
    fc.record({
      prefix: fc.string({ unit: fc.constantFrom('a', 'b', '/'), maxLength: 3 }),
      wide: fc.nat(2 ** VERBS.length - 1),
      narrow: fc.nat(2 ** VERBS.length - 1),
    }),
    { maxLength: 6 },
  )
  .map((list) =>
    list.map(({ prefix, wide, narrow }) => ({ prefix, verbs: wide | onKey(narrow & KEY_VERBS) })),
  );
const key = fc.string({ unit: fc.constantFrom('a', 'b', '/'), maxLength: 5 });
const verb = fc.constantFrom(...VERBS);

const allows = (given: readonly Right[], of: Verb, on: string): boolean =>
  new RightsTable(given).allows(of, on);

test('the normal form of rights allows the same, and has one form only', () => {
  const property = fc.property(rights, verb, key, (given, of, on) => {
    const plain = given.some(
      ({ prefix, verbs }) =>
        (on.startsWith(prefix) && verbsOf(verbs).includes(of)) ||
        (on === prefix && verbsOf(ofKey(verbs)).includes(of)),
    );
    assert.equal(allows(given, of, on), plain);
    assert.equal(allows(normalRights(given), of, on), plain);
    assert.deepEqual(normalRights(normalRights(given)), normalRights(given));
    assert.deepEqual(normalRights([...given].reverse()), normalRights(given));
  });
  fc.assert(property, { numRuns: 1_000 });
});

test('the rights of both allow what each of them allows, and no more', () => {
  const property = fc.property(rights, rights, verb, key, (one, other, of, on) => {
    const both = rightsOfBoth(one, other);
    assert.equal(allows(both, of, on), allows(one, of, on) && allows(other, of, on));
    assert.deepEqual(both, rightsOfBoth(other, one));
    assert.deepEqual(rightsOfBoth(one, one), normalRights(one));
  });
  fc.assert(property, { numRuns: 1_000 });
});
