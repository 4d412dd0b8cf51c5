/**
 * A context on a floor means the same as without one: every operation is compared with the same on
 * expanded contexts.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { CausalContext, type Dot } from '../../src/core/causality/causal-context.ts';
import { Floor } from '../../src/core/causality/floor.ts';
import { readToken } from '../../src/core/causality/object.ts';

const ACTORS = ['a', 'b', 'c', 'd'];
const dot: fc.Arbitrary<Dot> = fc.record({
  actor: fc.constantFrom(...ACTORS),
  counter: fc.integer({ min: 1, max: 8 }),
});
const floor: fc.Arbitrary<Floor> = fc
  .dictionary(fc.constantFrom(...ACTORS), fc.integer({ min: 1, max: 6 }))
  .map((bases) => Floor.NONE.with(new Map(Object.entries(bases))));

/** One set of dots in two forms: on a floor, and expanded. */
interface Twins {
  readonly layered: CausalContext;
  readonly plain: CausalContext;
}

function twinsOf(dots: readonly Dot[], under: Floor): Twins {
  const plain = CausalContext.ofDots(dots);
  for (const [actor, base] of under) plain.addRanges(actor, [1, base]);
  const layered = plain.clone();
  assert.ok(layered.shareFloor(under));
  return { layered, plain };
}

/** Two pairs of twins, often on the same floor or on one and its successor. */
const pairs = fc
  .tuple(
    fc.array(dot, { maxLength: 12 }),
    fc.array(dot, { maxLength: 12 }),
    floor,
    floor,
    fc.nat({ max: 3 }),
  )
  .map(([x, y, f, g, kind]) => {
    const other = [f, g, Floor.NONE, f.with(g)][kind] as Floor;
    return { a: twinsOf(x, f), b: twinsOf(y, other), f, g: other };
  });

const textsOf = (context: CausalContext): string[] =>
  [...context.entries()].map(([actor, ranges]) => `${actor} ${ranges.join(' ')}`).sort();

/** Asserts that both contexts look the same. */
function assertSame(layered: CausalContext, plain: CausalContext): void {
  assert.equal(String(layered), String(plain));
  assert.deepEqual(textsOf(layered), textsOf(plain));
  assert.deepEqual([...layered.actors()].sort(), [...plain.actors()].sort());
  assert.equal(layered.digest, plain.digest);
  assert.equal(layered.size, plain.size);
  assert.equal(layered.isEmpty, plain.isEmpty);
  assert.ok(layered.equals(plain) && plain.equals(layered));
  assert.ok(CausalContext.unpack(layered.pack())?.equals(plain));
  for (const actor of ACTORS) {
    assert.equal(layered.base(actor), plain.base(actor));
    assert.equal(layered.max(actor), plain.max(actor));
    for (let counter = 1; counter <= 9; counter++) {
      assert.equal(layered.has(actor, counter), plain.has(actor, counter));
    }
  }
}

test('every operation on a floor gives the same result as on expanded contexts', () => {
  fc.assert(
    fc.property(pairs, dot, ({ a, b, f, g }, one) => {
      assertSame(a.layered, a.plain);
      for (const other of [b.layered, b.plain]) {
        assertSame(a.layered.clone().join(other), a.plain.clone().join(b.plain));
        assertSame(b.plain.clone().join(a.layered), a.plain.clone().join(b.plain));
        assertSame(a.layered.minus(other), a.plain.minus(b.plain));
        assertSame(b.plain.minus(a.layered), b.plain.minus(a.plain));
        assert.equal(a.layered.covers(other), a.plain.covers(b.plain));
        assert.equal(a.layered.intersects(other), a.plain.intersects(b.plain));
        assert.equal(other.intersects(a.layered), a.plain.intersects(b.plain));
        assert.equal(a.layered.equals(other), a.plain.equals(b.plain));
      }
      assertSame(a.layered.bases(), a.plain.bases());
      assertSame(a.layered.gaps(), a.plain.gaps());
      const isKept = (actor: string): boolean => actor !== one.actor;
      assertSame(a.layered.filter(isKept), a.plain.filter(isKept));
      const copies = { layered: a.layered.clone(), plain: a.plain.clone() };
      copies.layered.add(one.actor, one.counter);
      copies.plain.add(one.actor, one.counter);
      assertSame(copies.layered, copies.plain);
      copies.layered.addRanges(one.actor, [one.counter, one.counter + 3]);
      copies.plain.addRanges(one.actor, [one.counter, one.counter + 3]);
      assertSame(copies.layered, copies.plain);
      for (const under of [f, g, Floor.NONE]) {
        const moved = a.layered.on(under);
        const covers = a.plain.covers(twinsOf([], under).plain);
        assert.equal(moved !== undefined, covers);
        if (moved !== undefined) assertSame(moved, a.plain);
      }
      // The copied contexts have not changed with their copies.
      assertSame(a.layered, a.plain);
      assertSame(b.layered, b.plain);
    }),
    { numRuns: 500 },
  );
});

test('unpackOn restores a context that packOn has packed on any floor', () => {
  fc.assert(
    fc.property(pairs, ({ a, b, f, g }) => {
      for (const context of [a.layered, a.plain, b.layered, b.plain]) {
        for (const under of [f, g, undefined]) {
          const packed = context.packOn(under);
          const name = CausalContext.floorOf(packed);
          if (name === undefined) assert.ok(CausalContext.unpack(packed)?.equals(context));
          else {
            assert.equal(name, under?.hash);
            // Its hash alone is not readable, so an unknown floor never counts as seen.
            assert.equal(CausalContext.unpack(packed), undefined);
            assert.ok(
              under !== undefined && CausalContext.unpackOn(under, packed)?.equals(context),
            );
          }
        }
      }
    }),
  );
});

test('floors with the same content have the same hash, in whatever order they were built', () => {
  fc.assert(
    fc.property(floor, floor, (f, g) => {
      const both = f.with(g);
      const other = g.with(f);
      assert.equal(both.hash, other.hash);
      assert.equal(both.digest, other.digest);
      const isSame = f.beyond(g).size === 0 && g.beyond(f).size === 0;
      assert.equal(f.hash === g.hash, isSame);
      for (const [actor, base] of g) assert.equal(both.base(actor), Math.max(base, f.base(actor)));
    }),
  );
});

test('a thousand dead actors on the floor add nothing to copies and messages', () => {
  const bases = new Map(Array.from({ length: 1000 }, (_, i) => [`n~${i}`, i + 1]));
  const settled = Floor.NONE.with(bases);
  const clock = new CausalContext();
  for (const [actor, base] of bases) clock.addRanges(actor, [1, base]);
  assert.ok(clock.shareFloor(settled));
  clock.add('n~current', 1);
  assert.deepEqual(clock.packOn(settled), [settled.hash, 'n~current', [1, 1]]);
  assert.deepEqual([...clock.actorsAboveFloor()], ['n~current']);
  // Joining a context on a floor moves an expanded copy onto that floor.
  const joined = CausalContext.unpack(clock.pack())?.join(clock);
  assert.equal(joined?.floor, settled);
  assert.deepEqual([...joined.actorsAboveFloor()], ['n~current']);
});

test('a token has no dots of the floor, except those of returned versions', () => {
  const settled = Floor.NONE.with(
    new Map([
      ['dead', 5],
      ['other', 3],
    ]),
  );
  const { layered } = twinsOf([{ actor: 'alive', counter: 1 }], settled);
  const token = readToken(
    { versions: [{ actor: 'dead', counter: 4, body: 1 }], context: layered },
    () => false,
    50,
  );
  assert.equal(String(token), '{alive:1 dead:4}');
});
