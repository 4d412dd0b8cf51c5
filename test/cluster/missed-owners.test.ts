import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  COMPLETE_BEFORE,
  type LastIncomplete,
  MissedOwners,
} from '../../src/cluster/membership/missed-owners.ts';
import {
  MemberList,
  type MemberRecord,
  NEVER_UP,
  toGone,
} from '../../src/core/placement/member-list.ts';
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

const missed = (
  owners: MissedOwners,
  list: MemberList,
  role: 'asOwner' | 'asNextOwner' = 'asOwner',
  since: LastIncomplete = COMPLETE_BEFORE,
): number[] =>
  ownersAmong(list.in('up', 'leaving').map(({ name }) => name)).flatMap((_, partition) =>
    owners.missedOnes(list)[role](partition, since) ? [partition] : [],
  );

/** The partitions that `a` does not own while all of these members are owners. */
const lostTo = (names: readonly string[]): number[] =>
  ownersAmong(names).flatMap((owners, partition) => (owners.includes('a') ? [] : [partition]));

const ALL = ownersAmong(FOUR).map((_, partition) => partition);
const WITH_X = lostTo([...FOUR, 'x']);

/** The hash of the next placement. */
const NEXT = 7;

/** A member that has left while it joined. */
const LEFT = { ...toGone(recordOf('x', 'joining')), settled: NEVER_UP };

for (const [what, record, known, expected] of [
  ['has left while it joined', LEFT, undefined, []],
  ['has left while it joined, as this node knew', LEFT, recordOf('x', 'joining'), []],
  ['says that it never was up, but was', LEFT, recordOf('x'), WITH_X],
  ['was up, as this node knew', toGone(recordOf('x')), recordOf('x'), WITH_X],
  ['was unknown', toGone(recordOf('x')), undefined, WITH_X],
  ['was known as joining', toGone(recordOf('x')), recordOf('x', 'joining'), WITH_X],
  ['was joining at its end', toGone(recordOf('x', 'joining')), undefined, WITH_X],
  ['is known as gone', { ...toGone(recordOf('x')), version: 9 }, toGone(recordOf('x')), []],
  [
    'was gone before, and is again in the next generation',
    toGone(recordOf('x', 'up', { generation: 2 })),
    toGone(recordOf('x')),
    WITH_X,
  ],
  [
    'was up, and is gone in the next generation',
    toGone(recordOf('x', 'joining', { generation: 2 })),
    recordOf('x'),
    WITH_X,
  ],
  [
    'was up with another weight, and is gone in the next generation',
    toGone(recordOf('x', 'joining', { generation: 2 })),
    recordOf('x', 'up', { weight: 4 }),
    ALL,
  ],
  ['is a successor', recordOf('x', 'joining', { generation: 2 }), undefined, ALL],
  [
    'is the second successor',
    recordOf('x', 'joining', { generation: 3 }),
    toGone(recordOf('x')),
    ALL,
  ],
  ['joins', recordOf('x', 'joining'), undefined, []],
  ['returns', recordOf('x', 'joining', { generation: 2 }), toGone(recordOf('x')), []],
] as const) {
  const outcome = expected.length > 0 ? 'may have been an owner' : 'has not been missed';
  test(`a member that ${what} ${outcome}`, () => {
    const owners = new MissedOwners('a', N);
    owners.note(record, known);
    if (expected.length > 0) assert.ok(owners.version > 0);
    assert.deepEqual(missed(owners, upList(FOUR)), expected);
  });
}

for (const [what, record, known] of [
  ['leaves', recordOf('x', 'leaving'), recordOf('x')],
  ['is gone', toGone(recordOf('x')), recordOf('x')],
  ['has left while it joined', LEFT, recordOf('x', 'joining')],
] as const)
  test(`a member that ${what} may have been a next owner in place of a pending one`, () => {
    const owners = new MissedOwners('a', N);
    owners.note(record, known);
    assert.deepEqual(missed(owners, upList(FOUR), 'asNextOwner'), WITH_X);
  });

test('the end of a member that leaves is noted once for the next owners', () => {
  const owners = new MissedOwners('a', N);
  owners.note(recordOf('x', 'leaving'), recordOf('x'));
  owners.clear();
  owners.note(toGone(recordOf('x', 'leaving'), NEXT), recordOf('x', 'leaving'), NEXT);
  assert.deepEqual(missed(owners, upList(FOUR), 'asNextOwner'), []);
  assert.deepEqual(missed(owners, upList(FOUR)), WITH_X);
});

test('an owner that is up again takes nothing if its weight and zone are the same', () => {
  const owners = new MissedOwners('a', N);
  const [before, again] = [recordOf('b'), recordOf('b', 'up', { generation: 2 })];
  owners.note(again, before);
  assert.deepEqual(missed(owners, upList(FOUR)), []);
  owners.note(recordOf('c', 'up', { generation: 2 }), recordOf('c', 'up', { zone: 'z' }));
  assert.deepEqual(missed(owners, upList(FOUR)), ALL);
});

test('an owner that came and one that ended count together, in whatever order they are heard', () => {
  const owners = new MissedOwners('a', N);
  owners.note(toGone(recordOf('b')), recordOf('b'));
  assert.deepEqual(missed(owners, upList(['a', 'c', 'd'])), lostTo(FOUR));
  assert.deepEqual(missed(owners, upList(['a', 'c', 'd', 'x'])), WITH_X);
});

test('no owner is missed once a majority has the same list', () => {
  const owners = new MissedOwners('a', N);
  owners.note(toGone(recordOf('x')), undefined);
  assert.deepEqual(owners.names, ['x']);
  owners.clear();
  assert.deepEqual([owners.names, missed(owners, upList(FOUR))], [[], []]);
});

test('the names that were kept count again after a start', () => {
  const owners = new MissedOwners('a', N);
  owners.restore('x', toGone(recordOf('x')));
  assert.deepEqual(missed(owners, upList(FOUR)), WITH_X);
  owners.restore('y', undefined);
  assert.deepEqual(missed(owners, upList(FOUR)), ALL);
});

test('an end that was known when a replica was filled takes nothing from it', () => {
  const owners = new MissedOwners('a', N);
  owners.note(toGone(recordOf('x')), undefined);
  for (const wasPending of [false, true]) {
    const since = { version: owners.version, wasPending };
    for (const role of ['asOwner', 'asNextOwner'] as const)
      assert.deepEqual(missed(owners, upList(FOUR), role, since), []);
  }
  const since = { version: owners.version, wasPending: false };
  owners.note(toGone(recordOf('y')), undefined);
  assert.deepEqual(missed(owners, upList(FOUR), 'asOwner', since), lostTo([...FOUR, 'y']));
  assert.deepEqual(missed(owners, upList(FOUR)), lostTo([...FOUR, 'x', 'y']));
});

for (const isForgotten of [false, true]) {
  const when = isForgotten ? 'was forgotten' : 'is known';
  test(`an owner that follows another loses nothing by its end: the leave ${when}`, () => {
    const owners = new MissedOwners('a', N);
    owners.note(recordOf('x', 'leaving'), recordOf('x'));
    const { version } = owners;
    if (isForgotten) owners.clear();
    owners.note(toGone(recordOf('x', 'leaving'), NEXT), recordOf('x', 'leaving'), NEXT);
    const lost = (wasPending: boolean): number[] =>
      missed(owners, upList(FOUR), 'asOwner', { version, wasPending });
    assert.deepEqual(lost(true), []);
    assert.deepEqual(lost(false), WITH_X, 'an owner needs no majority of the next owners');
  });
}

for (const [how, settled] of [
  ['was declared gone', 0],
  ['left for another placement', NEXT + 1],
] as const)
  test(`a member that left and ${how} may have been followed by others than a pending owner`, () => {
    const owners = new MissedOwners('a', N);
    owners.note(recordOf('x', 'leaving'), recordOf('x'), NEXT);
    const since = { version: owners.version, wasPending: true };
    owners.note(toGone(recordOf('x', 'leaving'), settled), recordOf('x', 'leaving'), NEXT);
    for (const role of ['asOwner', 'asNextOwner'] as const)
      assert.deepEqual(missed(owners, upList(FOUR), role, since), WITH_X);
  });

test('a member that joined and left was in place of an owner that was pending then', () => {
  const owners = new MissedOwners('a', N);
  owners.note(LEFT, recordOf('x', 'joining'));
  const since = { version: 0, wasPending: true };
  assert.deepEqual(missed(owners, upList(FOUR), 'asOwner', since), WITH_X);
  assert.deepEqual(missed(owners, upList(FOUR)), []);
});
