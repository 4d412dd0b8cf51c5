import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { CausalContext, type Dot } from '../../src/core/causality/causal-context.ts';
import {
  fill,
  type FilledObject,
  merge,
  readToken,
  sameVersions,
  strip,
  write,
} from '../../src/core/causality/object.ts';

type Filled = FilledObject<string>;

const dot: fc.Arbitrary<Dot> = fc.record({
  actor: fc.constantFrom('a', 'b', 'c'),
  counter: fc.integer({ min: 1, max: 8 }),
});
const context = fc.array(dot, { maxLength: 20 }).map((dots) => CausalContext.ofDots(dots));

/** Any object: some of the dots in its context are versions. A dot always has the same body. */
const filled: fc.Arbitrary<Filled> = fc
  .array(fc.tuple(dot, fc.boolean()), { maxLength: 12 })
  .map((list) => {
    const known = CausalContext.ofDots(list.map(([each]) => each));
    const alive = new Map(
      list
        .filter(([, isVersion]) => isVersion)
        .map(([each]) => [`${each.actor}${each.counter}`, each]),
    );
    return {
      context: known,
      versions: [...alive].map(([name, each]) => ({ ...each, body: name })),
    };
  });

function assertSame(a: Filled, b: Filled): void {
  const bodies = ({ versions }: Filled): string[] => versions.map(({ body }) => body).sort();
  assert.deepEqual(bodies(a), bodies(b));
  assert.ok(a.context.equals(b.context), `${String(a.context)} is not ${String(b.context)}`);
}

test('merge is commutative, associative and idempotent', () => {
  fc.assert(
    fc.property(filled, filled, filled, (a, b, c) => {
      assertSame(merge(a, b), merge(b, a));
      assertSame(merge(a, merge(b, c)), merge(merge(a, b), c));
      assertSame(merge(a, a), a);
    }),
    { numRuns: 2_000 },
  );
});

test('merge drops exactly the versions that the other side has seen and no longer has', () => {
  const seen: Filled = { versions: [], context: CausalContext.ofBase('a', 2) };
  const has = (counter: number): Filled => ({
    versions: [{ actor: 'a', counter, body: 'x' }],
    context: CausalContext.ofBase('a', counter),
  });
  assert.equal(merge(has(2), seen).versions.length, 0);
  assert.equal(merge(has(3), seen).versions.length, 1);
});

test('fill after strip restores the object, joined with the bases of the clock', () => {
  fc.assert(
    fc.property(filled, context, (object, clock) => {
      const back = fill(strip(object, clock), clock);
      assertSame(back, { ...object, context: object.context.clone().join(clock.bases()) });
    }),
    { numRuns: 2_000 },
  );
});

test('strip keeps a dot that the clock has only above a gap', () => {
  const clock = CausalContext.ofDots([
    { actor: 'a', counter: 1 },
    { actor: 'a', counter: 3 },
  ]);
  const object: Filled = { versions: [], context: CausalContext.ofBase('a', 3) };
  const { residue } = strip(object, clock);
  assert.equal(residue.has('a', 1), false);
  assert.equal(residue.has('a', 2), true);
  assert.equal(residue.has('a', 3), true);
});

test('fill does not add an extra of the clock', () => {
  const clock = CausalContext.ofDots([
    { actor: 'a', counter: 1 },
    { actor: 'a', counter: 3 },
  ]);
  const { context: known } = fill({ versions: [], residue: new CausalContext() }, clock);
  assert.equal(known.has('a', 1), true);
  assert.equal(known.has('a', 3), false);
});

test('the token of a write does not include siblings that remain', () => {
  const empty: Filled = { versions: [], context: new CausalContext() };
  const none = new CausalContext();
  const first = write(empty, { token: none, dot: { actor: 'a', counter: 1 }, body: 'one' });
  assert.ok(first.token.has('a', 1));
  const second = write(first.object, { token: none, dot: { actor: 'a', counter: 2 }, body: 'two' });
  assert.equal(second.object.versions.length, 2);
  assert.ok(second.token.has('a', 2));
  assert.equal(second.token.has('a', 1), false, 'the second writer has not seen the first');
});

test('a write with the token of the first of two blind writes replaces only the first', () => {
  let object: Filled = { versions: [], context: new CausalContext() };
  const none = new CausalContext();
  const first = write(object, { token: none, dot: { actor: 'a', counter: 1 }, body: 'first' });
  const second = write(first.object, {
    token: none,
    dot: { actor: 'a', counter: 2 },
    body: 'second',
  });
  ({ object } = write(second.object, {
    token: first.token,
    dot: { actor: 'a', counter: 3 },
    body: 'third',
  }));
  assert.deepEqual(
    object.versions.map(({ body }) => body),
    ['second', 'third'],
  );
});

test('a delete removes the versions in its token and leaves no tombstone', () => {
  const empty: Filled = { versions: [], context: new CausalContext() };
  const put = write(empty, {
    token: new CausalContext(),
    dot: { actor: 'a', counter: 1 },
    body: 'x',
  });
  const gone = write(put.object, {
    token: put.token,
    dot: { actor: 'a', counter: 2 },
    body: undefined,
  });
  const { versions, residue } = strip(gone.object, CausalContext.ofBase('a', 2));
  assert.equal(versions.length, 0);
  assert.ok(residue.isEmpty, 'the residue is empty when the clock includes the delete');
});

test("a reader's token of many actors has no dots of dead ones, except those of returned versions", () => {
  const object: Filled = {
    versions: [{ actor: 'dead', counter: 4, body: 'x' }],
    context: CausalContext.ofBase('dead', 4)
      .join(CausalContext.ofBase('gone', 9))
      .join(CausalContext.ofBase('alive', 2)),
  };
  const token = readToken(object, (actor) => actor !== 'alive', 2);
  assert.equal(token.toString(), '{alive:1-2 dead:4}');
  const whole = readToken(object, (actor) => actor !== 'alive', 3);
  assert.ok(whole.equals(object.context), 'a token of so few actors stays whole');
});

test('sameVersions ignores contexts', () => {
  fc.assert(
    fc.property(filled, context, (object, more) => {
      assert.ok(sameVersions(object, { ...object, context: object.context.clone().join(more) }));
      if (object.versions.length > 0)
        assert.ok(!sameVersions(object, { ...object, versions: object.versions.slice(1) }));
    }),
  );
});
