import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { CausalContext, type Dot } from '../../src/core/causality/causal-context.ts';

const actor = fc.constantFrom('a', 'b', 'c');
const dot: fc.Arbitrary<Dot> = fc.record({ actor, counter: fc.integer({ min: 1, max: 12 }) });
const dots = fc.array(dot, { maxLength: 30 });

const names = (list: Iterable<Dot>): Set<string> =>
  new Set([...list].map(({ actor: name, counter }) => `${name}${counter}`));

/** The dots of a context, among the actors and counters of these tests. */
function members(context: CausalContext): Set<string> {
  const found: Dot[] = [];
  for (const name of ['a', 'b', 'c']) {
    for (let counter = 1; counter <= 12; counter++)
      if (context.has(name, counter)) found.push({ actor: name, counter });
  }
  return names(found);
}

test('a context has exactly the dots that were added, in any order', () => {
  fc.assert(
    fc.property(dots, (list) => {
      assert.deepEqual(members(CausalContext.ofDots(list)), names(list));
    }),
  );
});

test('join, minus and covers agree with union, difference and superset', () => {
  fc.assert(
    fc.property(dots, dots, (x, y) => {
      const a = CausalContext.ofDots(x);
      const b = CausalContext.ofDots(y);
      assert.deepEqual(members(a.clone().join(b)), new Set([...names(x), ...names(y)]));
      assert.deepEqual(
        members(a.minus(b)),
        new Set([...names(x)].filter((name) => !names(y).has(name))),
      );
      assert.equal(
        a.covers(b),
        [...names(y)].every((name) => names(x).has(name)),
      );
      assert.ok(a.clone().join(b).equals(b.clone().join(a)));
    }),
  );
});

test('a base is the length of the run from 1, and bases() keeps only bases', () => {
  fc.assert(
    fc.property(dots, (list) => {
      const context = CausalContext.ofDots(list);
      for (const name of ['a', 'b', 'c']) {
        let run = 0;
        while (names(list).has(`${name}${run + 1}`)) run += 1;
        assert.equal(context.base(name), run);
        assert.equal(context.bases().max(name), run);
      }
    }),
  );
});

test('unpack restores a packed context, and a gap costs the same at any width', () => {
  fc.assert(
    fc.property(dots, (list) => {
      const context = CausalContext.ofDots(list);
      assert.ok(CausalContext.unpack(context.pack())?.equals(context));
    }),
  );
  const wide = CausalContext.ofDots([
    { actor: 'a', counter: 1 },
    { actor: 'a', counter: 2 ** 50 },
  ]);
  assert.deepEqual(wide.pack(), ['a', [1, 1, 2 ** 50, 2 ** 50]]);
});

test('unpack returns undefined for malformed input', () => {
  const bad: unknown[] = [
    null,
    'x',
    {},
    ['a'],
    ['a', []],
    ['a', [1]],
    ['a', [0, 1]],
    ['a', [2, 1]],
    ['a', [1, 2, 3, 4]],
    ['a', [1, 2, 2, 4]],
    ['a', [1.5, 2]],
    ['a', ['1', 2]],
    [1, [1, 2]],
    ['a', [1, 2], 'a', [1, 3]],
    ['a', [-3, -1]],
    ['a', [1, 2 ** 53]],
  ];
  for (const packed of bad)
    assert.equal(CausalContext.unpack(packed), undefined, JSON.stringify(packed));
});
