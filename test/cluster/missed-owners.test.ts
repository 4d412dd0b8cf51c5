import assert from 'node:assert/strict';
import { test } from 'node:test';
import { MissedOwners } from '../../src/cluster/membership/missed-owners.ts';
import { MemberList, type MemberRecord, toGone } from '../../src/core/placement/member-list.ts';
import { ownersAmong } from '../fixtures/lab.ts';
import { recordOf } from '../fixtures/member-record.ts';

const FOUR = ['a', 'b', 'c', 'd'] as const;
const N = 3;

function listOf(records: readonly MemberRecord[]): MemberList {
  const list = new MemberList();
  for (const record of records) list.merge(record);
  return list;
}

const upList = (names: readonly string[]): MemberList =>
  listOf(names.map((name) => recordOf(name)));

const missed = (owners: MissedOwners, list: MemberList): number[] =>
  ownersAmong(list.in('up', 'leaving').map(({ name }) => name)).flatMap((_, partition) =>
    owners.inPlaceOfSelf(list)(partition) ? [partition] : [],
  );

/** The partitions that `a` does not own while all of these members are owners. */
const lostTo = (names: readonly string[]): number[] =>
  ownersAmong(names).flatMap((owners, partition) => (owners.includes('a') ? [] : [partition]));

for (const [what, record, known, isMissed] of [
  ['was up, as this node knew', toGone(recordOf('x')), recordOf('x'), true],
  ['was unknown', toGone(recordOf('x')), undefined, true],
  ['was known as joining', toGone(recordOf('x')), recordOf('x', 'joining'), true],
  ['never was an owner', toGone(recordOf('x', 'joining')), undefined, false],
  ['was known as gone', { ...toGone(recordOf('x')), version: 9 }, toGone(recordOf('x')), false],
  [
    'was gone before, and is again as a later member',
    toGone(recordOf('x', 'up', { generation: 2 })),
    toGone(recordOf('x')),
    true,
  ],
  ['has a successor', recordOf('x', 'joining', { generation: 2 }), undefined, true],
  ['joins', recordOf('x', 'joining'), undefined, false],
  ['returns', recordOf('x', 'joining', { generation: 2 }), toGone(recordOf('x')), false],
] as const) {
  test(`a member that ${what} ${isMissed ? 'may have been' : 'has not been'} missed`, () => {
    const owners = new MissedOwners('a', N, upList(FOUR));
    owners.note(record, known);
    assert.equal(owners.version, Number(isMissed));
    assert.deepEqual(missed(owners, upList(FOUR)), isMissed ? lostTo([...FOUR, 'x']) : []);
  });
}

test('an owner that came and one that ended count together, in whatever order they are heard', () => {
  const owners = new MissedOwners('a', N, upList(FOUR));
  owners.note(toGone(recordOf('b')), recordOf('b'));
  assert.deepEqual(missed(owners, upList(['a', 'c', 'd'])), lostTo(FOUR));
  assert.deepEqual(missed(owners, upList(['a', 'c', 'd', 'x'])), lostTo([...FOUR, 'x']));
});

test('no owner is missed once a majority has the same list', () => {
  const owners = new MissedOwners('a', N, upList(FOUR));
  owners.note(toGone(recordOf('x')), undefined);
  owners.clear();
  assert.deepEqual(missed(owners, upList(FOUR)), []);
});

test('the members that were gone at the start may have ended just before', () => {
  const owners = new MissedOwners(
    'a',
    N,
    listOf([...FOUR.map((name) => recordOf(name)), toGone(recordOf('x'))]),
  );
  assert.deepEqual(
    [owners.version > 0, missed(owners, upList(FOUR))],
    [true, lostTo([...FOUR, 'x'])],
  );
});
