/**
 * The laws of the mergeable types, on states of random histories. Each author builds on its own
 * last update and on some others that it has read. Clocks are wrong in both directions.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import {
  appendList,
  type Author,
  growOnlyCounter,
  mapOf,
  type Merge,
  observedRemoveSet,
  type MapOf,
  plusMinusCounter,
  type PlusMinusCounter,
  register,
} from '../../src/client/merge/index.ts';

const AUTHORS = 3;
const ELEMENTS = ['a', 'b', '__proto__'] as const;

/** One update as drawn: the author, the operation, and the earlier updates that it has read. */
interface Draw {
  readonly author: number;
  readonly operation: number;
  readonly element: number;
  readonly reads: readonly number[];
  readonly nowMicros: number;
}

const draws = fc.array(
  fc.record({
    author: fc.nat(AUTHORS - 1),
    operation: fc.nat(9),
    element: fc.nat(ELEMENTS.length - 1),
    reads: fc.array(fc.nat(30), { maxLength: 2 }),
    nowMicros: fc.nat(5),
  }),
  { minLength: 1, maxLength: 14 },
);

/** One update of a history. */
interface Update<S> extends Draw {
  readonly state: S;
  /** The updates that this one builds on, including itself. */
  readonly history: ReadonlySet<number>;
}

interface Type<S> {
  readonly merge: Merge<S>;
  change(state: S | undefined, draw: Draw & { text: string }, author: Author): S;
  value(state: S): unknown;
  /** The expected value of a set of updates, computed from their operations alone. */
  expected(
    updates: readonly (Update<S> & { text: string })[],
    isSeenBy: (a: number, b: number) => boolean,
  ): unknown;
}

const textOf = (draw: Draw, i: number): string => `${ELEMENTS[draw.element]}${draw.operation}#${i}`;
const union = (sets: readonly ReadonlySet<number>[]): Set<number> =>
  new Set(sets.flatMap((set) => [...set]));

function play<S>(type: Type<S>, drawn: readonly Draw[]): Update<S>[] {
  const updates: Update<S>[] = [];
  const lastOf = new Map<number, number>();
  for (const [i, draw] of drawn.entries()) {
    const own = lastOf.get(draw.author);
    const reads = [
      ...(own === undefined ? [] : [own]),
      ...(i === 0 ? [] : draw.reads.map((read) => read % i)),
    ];
    const read = reads.map((at) => updates[at] as Update<S>);
    const before =
      read.length === 0
        ? undefined
        : read.map(({ state }) => state).reduce((a, b) => type.merge(a, b));
    const author = { name: `author${draw.author}`, number: i + 1, nowMicros: draw.nowMicros };
    const state = type.change(before, { ...draw, text: textOf(draw, i) }, author);
    updates.push({
      ...draw,
      state: JSON.parse(JSON.stringify(state)) as S,
      history: union([new Set([i]), ...read.map(({ history }) => history)]),
    });
    lastOf.set(draw.author, i);
  }
  return updates;
}

function checkLaws<S>(name: string, type: Type<S>): void {
  const { merge } = type;
  test(`merge of ${name} is commutative, associative and idempotent`, () => {
    fc.assert(
      fc.property(draws, fc.nat(), fc.nat(), fc.nat(), (drawn, i, j, k) => {
        const updates = play(type, drawn);
        const at = (n: number): Update<S> => updates[n % updates.length] as Update<S>;
        const [a, b, c] = [at(i).state, at(j).state, at(k).state];
        assert.deepEqual(merge(a, b), merge(b, a));
        assert.deepEqual(merge(merge(a, b), c), merge(a, merge(b, c)));
        assert.deepEqual(merge(a, a), a);
        assert.deepEqual(merge(merge(a, b), b), merge(a, b));
        for (const older of at(i).history) assert.deepEqual(merge(a, at(older).state), a);
      }),
      { numRuns: 300 },
    );
  });

  test(`the merge of ${name} siblings has the value of their joined histories`, () => {
    fc.assert(
      fc.property(draws, fc.array(fc.nat(), { minLength: 1, maxLength: 4 }), (drawn, picks) => {
        const updates = play(type, drawn);
        const siblings = picks.map((pick) => updates[pick % updates.length] as Update<S>);
        const merged = siblings.map(({ state }) => state).reduce((a, b) => merge(a, b));
        const history = [...union(siblings.map((sibling) => sibling.history))].sort(
          (x, y) => x - y,
        );
        const told = history.map((n) => ({
          ...(updates[n] as Update<S>),
          text: textOf(drawn[n] as Draw, n),
        }));
        const isSeenBy = (x: number, y: number): boolean =>
          x !== y && (told[y] as Update<S>).history.has(history[x] as number);
        assert.deepEqual(type.value(merged), type.expected(told, isSeenBy));
      }),
      { numRuns: 500 },
    );
  });
}

const stepOf = ({ operation }: Draw): number => operation - 4;
const isRemoval = ({ operation }: Draw): boolean => operation >= 6;
const elementOf = ({ element }: Draw): string => ELEMENTS[element] as string;

/** The elements with an addition that no removal has seen. */
function present(updates: readonly Draw[], isSeenBy: (a: number, b: number) => boolean): string[] {
  const alive = updates.filter(
    (add, i) =>
      !isRemoval(add) &&
      !updates.some(
        (other, j) => isRemoval(other) && other.element === add.element && isSeenBy(i, j),
      ),
  );
  return [...new Set(alive.map(elementOf))].sort();
}

checkLaws('grow-only counter', {
  merge: growOnlyCounter.merge,
  change: (state, draw, author) => growOnlyCounter.add(state, author, draw.operation),
  value: growOnlyCounter.value,
  expected: (updates) => updates.reduce((sum, { operation }) => sum + operation, 0),
});

checkLaws('plus-minus counter', {
  merge: plusMinusCounter.merge,
  change: (state, draw, author) => plusMinusCounter.add(state, author, stepOf(draw)),
  value: plusMinusCounter.value,
  expected: (updates) => updates.reduce((sum, draw) => sum + stepOf(draw), 0),
});

checkLaws('observed-remove set', {
  merge: observedRemoveSet.merge,
  change: (state, draw, author) =>
    isRemoval(draw)
      ? observedRemoveSet.remove(state, elementOf(draw))
      : observedRemoveSet.add(state, elementOf(draw), author),
  value: observedRemoveSet.values,
  expected: present,
});

checkLaws('append-only list', {
  merge: appendList.merge,
  change: (state, { text }, author) => appendList.append(state, text, author),
  value: (state) => appendList.values(state).toSorted(),
  expected: (updates) => updates.map(({ text }) => text).toSorted(),
});

checkLaws('register', {
  merge: register.merge<string>,
  change: (state, { text }, author) => register.set(state, text, author),
  value: (state) => state,
  // The latest one that no other update has seen.
  expected: (updates, isSeenBy) => {
    const unseen = updates
      .filter((_, i) => !updates.some((_, j) => isSeenBy(i, j)))
      .map(({ state }) => state);
    return unseen.reduce((a, b) =>
      a.atMicros > b.atMicros || (a.atMicros === b.atMicros && a.by > b.by) ? a : b,
    );
  },
});

const carts = mapOf(plusMinusCounter);

checkLaws<MapOf<PlusMinusCounter>>('map of counters, with removals', {
  merge: carts.merge,
  change: (state, draw, author) => {
    const key = elementOf(draw);
    if (isRemoval(draw)) return carts.remove(state, key);
    return carts.set(state, key, {
      value: plusMinusCounter.add(carts.get(state, key), author),
      author,
    });
  },
  value: carts.keys,
  expected: present,
});

checkLaws<MapOf<PlusMinusCounter>>('map of counters, without removals', {
  merge: carts.merge,
  change: (state, draw, author) => {
    const key = elementOf(draw);
    return carts.set(state, key, {
      value: plusMinusCounter.add(carts.get(state, key), author, stepOf(draw)),
      author,
    });
  },
  value: (state) =>
    carts.keys(state).map((key) => [key, plusMinusCounter.value(carts.get(state, key))]),
  expected: (updates) =>
    [...new Set(updates.map(elementOf))]
      .sort()
      .map((key) => [
        key,
        updates
          .filter((draw) => elementOf(draw) === key)
          .reduce((sum, draw) => sum + stepOf(draw), 0),
      ]),
});

test('an unremoved addition counts in a map of counters', () => {
  const author = (name: string, number: number): Author => ({ name, number, nowMicros: 0 });
  const set = (
    state: ReturnType<typeof carts.remove> | undefined,
    by: Author,
  ): ReturnType<typeof carts.remove> =>
    carts.set(state, 'k', { value: plusMinusCounter.add(carts.get(state, 'k'), by), author: by });
  const early = set(undefined, author('a', 1));
  const copied = set(early, author('b', 1));
  const later = set(early, author('a', 2));
  const copiedLater = set(later, author('c', 1));
  // Another author removes the parts that it has seen. Then the first author continues from the
  // copy that survived.
  const removed = carts.merge(carts.remove(later, 'k'), copied);
  const again = set(removed, author('a', 3));
  const end = carts.merge(again, copiedLater);
  const { plus } = carts.get(end, 'k') ?? assert.fail();
  assert.deepEqual(plus, { a: [3, 2], b: [1, 1], c: [1, 1] });
});

test('a list entry comes after the entries that its author saw', () => {
  fc.assert(
    fc.property(draws, (drawn) => {
      const type: Type<ReturnType<typeof appendList.append>> = {
        merge: appendList.merge,
        change: (state, { text }, author) => appendList.append(state, text, author),
        value: () => 0,
        expected: () => 0,
      };
      const updates = play(type, drawn);
      const texts = appendList.values(updates.map(({ state }) => state).reduce(appendList.merge));
      for (const [i, { history }] of updates.entries()) {
        for (const seen of history) {
          if (seen === i) continue;
          assert.ok(
            texts.indexOf(textOf(drawn[seen] as Draw, seen)) <
              texts.indexOf(textOf(drawn[i] as Draw, i)),
          );
        }
      }
    }),
  );
});

test('a counter throws on steps that are not finite', () => {
  const by = { name: 'a', number: 1, nowMicros: 0 };
  for (const step of [NaN, Infinity, -1])
    assert.throws(() => growOnlyCounter.add(undefined, by, step), RangeError);
  assert.throws(() => plusMinusCounter.add(undefined, by, NaN), RangeError);
});
