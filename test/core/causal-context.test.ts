import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { CausalContext, type Dot } from '../../src/core/causality/causal-context.ts';

const actor = fc.constantFrom('a', 'b', 'c');
const dot: fc.Arbitrary<Dot> = fc.record({ actor, counter: fc.integer({ min: 1, max: 12 }) });
const dots = fc.array(dot, { maxLength: 30 });

const names = (list: Iterable<Dot>): Set<string> =>
  new Set([...list].map(({ actor: name, counter }) => `${name}${counter}`));

/** All dots of a context in the small world of these tests. */
function members(context: CausalContext): Set<string> {
  const found: Dot[] = [];
  for (const name of ['a', 'b', 'c']) {
    for (let counter = 1; counter <= 12; counter++)
      if (context.has(name, counter)) found.push({ actor: name, counter });
  }
  return names(found);
}

test('a context has the dots that were added, in whatever order, and no others', () => {
  fc.assert(
    fc.property(dots, (list) => {
      assert.deepEqual(members(CausalContext.ofDots(list)), names(list));
    }),
  );
});

test('join is union, minus is difference, covers is superset', () => {
  fc.assert(
    fc.property(dots, dots, (x, y) => {
      const a = CausalContext.ofDots(x);
      const b = CausalContext.ofDots(y);
      assert.deepEqual(members(a.clone().join(b)), new Set([...names(x), ...names(y)]));
      assert.deepEqual(members(a.minus(b)), new Set([...names(x)].filter((name) => !names(y).has(name))));
      assert.equal(
        a.covers(b),
        [...names(y)].every((name) => names(x).has(name)),
      );
      assert.ok(a.clone().join(b).equals(b.clone().join(a)));
    }),
  );
});

test('a base is the longest run from 1, and bases() keeps nothing else', () => {
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

test('a context survives packing, and its size does not depend on the width of its gaps', () => {
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

test('what is not a packed context is refused', () => {
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
  for (const packed of bad) assert.equal(CausalContext.unpack(packed), undefined, JSON.stringify(packed));
});
