import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import {
  MEMBER_STATES,
  MemberList,
  type MemberRecord,
  NEXT_STATES,
  supersedes,
} from '../../src/core/placement/member-list.ts';

// Records of one prototype, or equal ones would differ by it.
const record = fc.record(
  {
    name: fc.constantFrom('a', 'b', 'c'),
    host: fc.constantFrom('x', 'y'),
    port: fc.constantFrom(7000, 8000),
    httpport: fc.constant(3000),
    zone: fc.constantFrom(undefined, 'rack'),
    weight: fc.constantFrom(1, 2),
    state: fc.constantFrom(...MEMBER_STATES),
    generation: fc.integer({ min: 1, max: 2 }),
    life: fc.constantFrom('one', 'two'),
    version: fc.integer({ min: 1, max: 3 }),
    settled: fc.integer({ min: 0, max: 2 }),
  },
  { noNullPrototype: true },
);

function listOf(records: readonly MemberRecord[]): MemberList {
  const list = new MemberList();
  for (const each of records) list.merge(each);
  return list;
}

test('merging the same records in any order, any number of times, gives the same list', () => {
  fc.assert(
    fc.property(
      fc.array(record, { maxLength: 12 }),
      fc.infiniteStream(fc.nat()),
      (records, numbers) => {
        const shuffled = [...records, ...records]
          .map((each) => ({ each, at: numbers.next().value as number }))
          .sort((a, b) => a.at - b.at)
          .map(({ each }) => each);
        assert.deepEqual(listOf(shuffled).all(), listOf(records).all());
        assert.equal(listOf(shuffled).hash, listOf(records).hash);
      },
    ),
  );
});

test('of two different records of a member exactly one supersedes the other', () => {
  fc.assert(
    fc.property(record, record, (a, b) => {
      const isSame = JSON.stringify({ ...a, name: '' }) === JSON.stringify({ ...b, name: '' });
      assert.equal(
        supersedes(a, { ...b, name: a.name }) !== supersedes({ ...b, name: a.name }, a),
        !isSame,
      );
    }),
  );
});

test('a member that is gone stays gone, but its name may return in another generation', () => {
  const gone = {
    name: 'a',
    host: 'x',
    port: 1,
    httpport: 2,
    zone: undefined,
    weight: 1,
    life: '',
    settled: 0,
  };
  const list = listOf([{ ...gone, generation: 1, state: 'gone', version: 3 }]);
  assert.equal(list.merge({ ...gone, generation: 1, state: 'up', version: 99 }), false);
  assert.equal(list.merge({ ...gone, state: 'joining', version: 1, generation: 2 }), true);
  assert.deepEqual(
    list.in('joining').map(({ name }) => name),
    ['a'],
  );
});

test('a member never goes back to an earlier state, whatever its version', () => {
  fc.assert(
    fc.property(record, fc.array(record), (first, others) => {
      const list = listOf([first]);
      for (const other of others) {
        const before = list.get(first.name) as MemberRecord;
        list.merge({ ...other, name: first.name, generation: first.generation });
        const { state } = list.get(first.name) as MemberRecord;
        assert.ok(MEMBER_STATES.indexOf(state) >= MEMBER_STATES.indexOf(before.state));
      }
    }),
  );
});

test('states only advance from joining to gone', () => {
  for (const [i, state] of MEMBER_STATES.entries()) {
    for (const next of NEXT_STATES[state]) {
      assert.ok(
        MEMBER_STATES.indexOf(next) > i || (state === 'gone' && next === 'joining'),
        `${state} → ${next}`,
      );
    }
  }
});
