import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { MAX_MEMBERS, PARTITIONS } from '../../src/core/limits.ts';
import { MAX_ENDED_LIVES } from '../../src/cluster/limits.ts';
import { Gossiper } from '../../src/cluster/membership/gossip.ts';
import { Members } from '../../src/cluster/membership/members.ts';
import { COMPLETE_BEFORE } from '../../src/cluster/membership/missed-owners.ts';
import { warnOfIgnoredFields } from '../../src/cluster/membership/ignored-fields.ts';
import {
  type MemberRecord,
  type PlacementFields,
  placementFieldsOf,
  toGone,
} from '../../src/core/placement/member-list.ts';
import { flawedFieldOf } from '../../src/core/placement/record-flaw.ts';
import { recordOf } from '../fixtures/member-record.ts';

const SILENT = { debug() {}, info() {}, warn() {}, error() {} };

const quorum = { n: 3, r: 'quorum', w: 'quorum', timeoutMs: 1_000 } as const;

const OLD: PlacementFields = { weight: 1, zone: 'old' };
const CHANGED: PlacementFields = { weight: 8, zone: 'new' };

function membersOf(
  name: string,
  kept: readonly MemberRecord[] = [],
  configured: PlacementFields = { weight: 1, zone: undefined },
): Members {
  return new Members(
    { name, host: 'h', port: 7000, httpport: 3000, ...configured, quorum },
    kept,
    'two',
  );
}

/**
 * The record that the cluster keeps of a member after the two have exchanged all that they know.
 */
function settledOn(known: MemberRecord, own: Members): MemberRecord | undefined {
  const cluster = membersOf('other', [recordOf('other', 'up'), known]);
  own.merge(known);
  cluster.merge(own.own);
  return cluster.get(own.self);
}

for (const [what, known, state, generation] of [
  ['it was joining before its disk was lost', recordOf('a', 'joining'), 'joining', 2],
  ['it was up before its disk was lost', recordOf('a', 'up', { version: 9 }), 'up', 2],
  ['it was leaving before its disk was lost', recordOf('a', 'leaving', { version: 9 }), 'up', 2],
  ['it had left', recordOf('a', 'gone', { version: 9 }), 'joining', 2],
  [
    'it was joining a second time when its disk was lost',
    recordOf('a', 'joining', { generation: 2, version: 9 }),
    'joining',
    3,
  ],
] as const) {
  test(`a node on an empty disk prevails if the cluster knows that ${what}`, () => {
    const own = membersOf('a');
    const held = settledOn(known, own);
    assert.deepEqual([held?.state, held?.generation], [state, generation]);
    assert.deepEqual(held, own.own);
  });
}

for (const [state, kept] of [
  ['up', 'up'],
  ['leaving', 'up'],
  ['joining', 'joining'],
  ['gone', 'joining'],
] as const)
  test(`a member that was ${state} is ${kept} when it joins in a new generation`, () => {
    const members = membersOf('a', [recordOf('a', 'up'), recordOf('b', state, { version: 7 })]);
    members.merge(recordOf('b', 'joining', { generation: 2, life: 'two' }));
    const { state: held, generation, life } = members.get('b') ?? assert.fail();
    assert.deepEqual([held, generation, life], [kept, 2, 'two']);
  });

test('an owner that joins in a new generation has the weight and zone of the owner that it was', () => {
  const members = membersOf('a', [recordOf('a', 'up'), recordOf('b', 'up', OLD)]);
  const ownersNow = (): unknown[] =>
    Array.from({ length: PARTITIONS }, (_, partition) => members.owners(partition));
  const [before, { name, hash }] = [ownersNow(), members.view(0)];
  members.merge(recordOf('b', 'joining', { generation: 2, life: 'two', ...CHANGED }));
  assert.equal(members.get('b')?.generation, 2);
  assert.deepEqual(ownersNow(), before, 'no owner changes');
  // A node that knows the earlier member only may have missed more than that.
  const view = members.view(0);
  assert.ok(view.name !== name && view.hash !== hash);
});

test('a node outbids newer records of itself, unless they say that it is gone', () => {
  const goesOn = membersOf('a', [recordOf('a', 'up', { version: 4 })]);
  assert.deepEqual(settledOn(recordOf('a', 'up', { version: 9 }), goesOn), goesOn.own);
  assert.equal(goesOn.own.state, 'up');
  const removed = membersOf('a', [recordOf('a', 'up', { version: 4 })]);
  assert.equal(settledOn(recordOf('a', 'gone', { version: 2 }), removed)?.state, 'gone');
  assert.equal(removed.own.state, 'gone');
});

test('a node takes the place of a later member of its name, or is gone with it', () => {
  const kept = [recordOf('a', 'up', { version: 4 }), recordOf('b', 'up')];
  for (const state of ['up', 'gone'] as const) {
    const back = membersOf('a', kept);
    const later = recordOf('a', state, { generation: 2, version: 7, life: 'later' });
    const held = settledOn(later, back);
    assert.deepEqual(held, back.own, 'all say the same of it');
    assert.deepEqual([held?.state, held?.life], [state, 'two']);
  }
});

test('a joining node that was declared gone is gone, but not a new node of its name', () => {
  const gone = recordOf('a', 'gone', { version: 9 });
  const joining = membersOf('a', [recordOf('a', 'joining'), recordOf('b', 'up')]);
  assert.equal(settledOn(gone, joining)?.state, 'gone', 'it has met others since it was new');
  const killedAtOnce = membersOf('a', [recordOf('a', 'joining')]);
  assert.equal(settledOn(gone, killedAtOnce)?.state, 'gone', 'the record names its life');
  const met = membersOf('a');
  met.merge(recordOf('b', 'up'));
  met.noteList('b', { hash: met.hash, isInformed: true });
  assert.equal(settledOn(gone, met)?.state, 'gone', 'another member has had its record');
  const partly = membersOf('a');
  partly.merge(recordOf('b', 'up'));
  const held = settledOn(gone, partly);
  assert.deepEqual([held?.state, held?.generation], ['joining', 2], 'another one is gone');
});

test('an owner is missed until a majority of the members, itself included, has the same list', () => {
  const members = membersOf(
    'a',
    ['a', 'b', 'c', 'd', 'e'].map((name) => recordOf(name, 'up')),
  );
  const countMissed = (): number => {
    const isMissed = (i: number): boolean => members.missed.asOwner(i, COMPLETE_BEFORE);
    return Array.from({ length: PARTITIONS }, (_, i) => i).filter(isMissed).length;
  };
  const agrees = (name: string): void =>
    members.noteList(name, { hash: members.hash, isInformed: true });
  members.merge(toGone(recordOf('x', 'up')));
  members.merge(toGone(recordOf('e', 'up')));
  const before = countMissed();
  assert.ok(before > 0);
  assert.deepEqual(members.missedNames, ['x', 'e']);
  agrees('b');
  agrees('e');
  agrees('x');
  members.noteList('c', { hash: members.hash, isInformed: false });
  members.noteList('d', { hash: 1, isInformed: true });
  agrees('c');
  assert.equal(countMissed(), before, 'three of six: those that have ended do not count');
  members.merge(recordOf('y', 'joining'));
  for (const name of ['b', 'c', 'd', 'y']) agrees(name);
  assert.ok(countMissed() > 0, 'a member that joins may be up already');
  members.merge(recordOf('y', 'up', { version: 2 }));
  for (const name of ['b', 'c', 'd']) agrees(name);
  assert.deepEqual([countMissed(), members.missedNames], [0, []], 'four of seven');
});

test('the names of missed owners that were kept count after a start', () => {
  const kept = ['a', 'b', 'c', 'd'].map((name) => recordOf(name, 'up'));
  const own = { name: 'a', host: 'h', port: 7000, httpport: 3000, weight: 1, quorum };
  const list = [...kept, toGone(recordOf('x', 'up'))];
  const members = new Members({ ...own, zone: undefined }, list, 'two', ['x']);
  assert.deepEqual(members.missedNames, ['x']);
  const isMissed = (i: number): boolean => members.missed.asOwner(i, COMPLETE_BEFORE);
  assert.ok(Array.from({ length: PARTITIONS }, (_, i) => i).some(isMissed));
});

test('a node relies on a list without other members only if it has begun a cluster', () => {
  assert.equal(membersOf('a', [recordOf('a', 'joining')]).isInformed, false);
  assert.equal(membersOf('a', [recordOf('a', 'up')]).isInformed, true);
  assert.equal(membersOf('a', [recordOf('a', 'leaving')]).isInformed, true, 'it is alone');
});

test('a node relies on a kept list with other members if it was up', () => {
  assert.equal(membersOf('a', [recordOf('a', 'up'), recordOf('b', 'up')]).isInformed, true);
});

test('a node that was joining when its list was kept first hears from a member', () => {
  const members = membersOf('a', [recordOf('a', 'joining'), recordOf('b', 'up')]);
  assert.equal(members.isInformed, false, 'it may have joined before its disk had that');
  members.noteList('b', { hash: members.hash, isInformed: true });
  assert.equal(members.isInformed, true);
});

test('a node that does not rely on its list does not rely on it after the next start', () => {
  const wiped = membersOf('a');
  // Another member says that this name is up: the disk was lost since, and this node takes the
  // place over.
  wiped.merge(recordOf('a', 'up', { version: 4, life: 'lost' }));
  wiped.merge(recordOf('b', 'up'));
  assert.equal(wiped.own.state, 'up');
  const again = membersOf('a', wiped.listToKeep.all());
  assert.deepEqual([again.isInformed, again.own.state], [false, 'joining']);
  assert.equal(again.own.generation, 2, 'it is the same member');
  again.merge(recordOf('b', 'up'));
  assert.equal(again.listToKeep.get('b'), undefined, 'the list is not worth keeping');
  again.noteList('b', { hash: again.hash, isInformed: true });
  assert.notEqual(again.listToKeep.get('b'), undefined);
});

test('a node that was declared gone before it could rely on its list is gone after the next start', () => {
  const wiped = membersOf('a');
  wiped.merge(recordOf('a', 'up', { version: 4, life: 'lost' }));
  const again = membersOf('a', wiped.listToKeep.all());
  assert.equal(settledOn(toGone(wiped.own), again)?.state, 'gone');
});

test('a node relies on a kept list only after it has heard from the members that join or leave', () => {
  const kept = [recordOf('a', 'up'), recordOf('b', 'joining'), recordOf('c', 'leaving')];
  const heard = (name: string, isInformed = false): Members => {
    const members = membersOf('a', kept);
    members.noteList(name, { hash: members.hash, isInformed });
    return members;
  };
  assert.equal(membersOf('a', kept).isInformed, false);
  assert.equal(membersOf('a', kept).listToKeep.all().length, 3, 'but it is kept on');
  assert.equal(heard('b').isInformed, false, 'the other may have gone on');
  assert.equal(heard('b', true).isInformed, true, 'one that may be relied on knows of both');
  const both = heard('b');
  both.noteList('c', { hash: both.hash, isInformed: false });
  assert.equal(both.isInformed, true);
  const other = membersOf('a', kept);
  for (const name of ['b', 'c']) other.noteList(name, { hash: other.hash + 1, isInformed: true });
  assert.equal(other.isInformed, false, 'their lists differ');
});

test('a node relies on its list if all living members agree on a member that has lost its disk', () => {
  const wiped = (): Members => {
    const members = membersOf('a', [
      recordOf('a', 'up'),
      recordOf('b', 'joining'),
      recordOf('c', 'up'),
    ]);
    members.merge(recordOf('b', 'joining', { generation: 2 }));
    members.noteList('b', { hash: members.hash, isInformed: false });
    return members;
  };
  assert.equal(wiped().isInformed, false, 'another b does not know what became of that one');
  const declared = wiped();
  declared.remove('b');
  assert.equal(declared.isInformed, true, 'an operator has said what became of it');
  const agreed = wiped();
  agreed.noteList('c', { hash: agreed.hash + 1, isInformed: false });
  assert.equal(agreed.isInformed, false, 'c knows other members');
  agreed.noteList('c', { hash: agreed.hash, isInformed: false });
  assert.equal(agreed.isInformed, true, 'no living member knows more');
});

test('a node that is gone stays gone after a start', () => {
  const killedAtOnce = membersOf('a', [recordOf('a', 'joining')]);
  killedAtOnce.merge(recordOf('a', 'gone', { version: 9 }));
  assert.equal(membersOf('a', killedAtOnce.listToKeep.all()).own.state, 'gone');
});

test('a node that was declared gone in an earlier life announces its present life', () => {
  const back = membersOf('a', [recordOf('a', 'up', { version: 4 })]);
  const known = recordOf('a', 'gone', { version: 9 });
  const held = settledOn(known, back);
  assert.deepEqual(
    [held?.state, held?.life],
    ['gone', 'two'],
    'its answers would fit no record, and count for nothing',
  );
  assert.equal(back.merge(known), false, 'the earlier record changes nothing');
  assert.equal(settledOn(held as MemberRecord, back)?.version, held?.version);
});

test('a joining member is a pending owner until it is up, and a leaving one owns until it is gone', () => {
  const up = ['a', 'b', 'c', 'd'].map((name) => recordOf(name, 'up'));
  const members = membersOf('a', [...up, recordOf('e', 'joining')]);
  assert.equal(members.shareOf('e').owned, 0);
  assert.ok(members.shareOf('e').pending > 100);
  for (let partition = 0; partition < PARTITIONS; partition++) {
    assert.equal(members.owners(partition).length, 3);
    assert.ok(!members.fallbacks(partition).some((name) => members.holds(partition, name)));
  }
  const { nextHash } = members;
  const pending = Array.from({ length: PARTITIONS }, (_, p) => members.pendingOwners(p));
  members.merge(recordOf('e', 'up', { version: 2 }));
  assert.equal(members.nextHash, nextHash, 'the next placement is the same');
  assert.equal(members.shareOf('e').pending, 0);
  for (const [p, names] of pending.entries())
    for (const name of names) assert.ok(members.owners(p).includes(name));
  const before = members.shareOf('b').owned;
  members.merge(recordOf('b', 'leaving', { version: 2 }));
  assert.equal(members.shareOf('b').owned, before);
  members.merge(recordOf('b', 'gone', { version: 3 }));
  assert.equal(members.shareOf('b').owned, 0);
});

test('a member that leaves is the last fallback, and one that joins is none', () => {
  const up = ['a', 'b', 'c', 'd', 'f', 'g'].map((name) => recordOf(name, 'up'));
  const members = membersOf('a', [...up, recordOf('e', 'joining')]);
  const all = Array.from({ length: PARTITIONS }, (_, partition) => partition);
  const firsts = (): number => all.filter((p) => members.fallbacks(p)[0] === 'b').length;
  assert.ok(firsts() > 10);
  members.merge(recordOf('b', 'leaving', { version: 2 }));
  assert.equal(firsts(), 0);
  for (const partition of all) {
    const fallbacks = members.fallbacks(partition);
    assert.ok(!fallbacks.includes('e'));
    assert.equal(fallbacks.at(-1) === 'b', !members.owners(partition).includes('b'));
  }
});

test('owners lie in different zones, by the member records', () => {
  const list = Array.from({ length: 6 }, (_, i) =>
    recordOf(`n${i}`, 'up', { zone: `rack-${i % 3}`, weight: i === 0 ? 3 : 1 }),
  );
  const members = membersOf('n0', list);
  members.merge(recordOf('n0', 'up', { version: 1 }));
  const zones = new Map(list.map(({ name, zone }) => [name, name === 'n0' ? undefined : zone]));
  for (let partition = 0; partition < PARTITIONS; partition++) {
    const owners = members.owners(partition).map((name) => zones.get(name) ?? name);
    assert.equal(new Set(owners).size, 3, owners.join());
  }
});

for (const state of ['joining', 'up', 'leaving'] as const) {
  test(`a member that is ${state} keeps its weight and zone if its configuration changes`, () => {
    const own = recordOf('a', state, OLD);
    const peers = ['b', 'c', 'd', 'e'].map((name) => recordOf(name, 'up'));
    const before = membersOf('b', [own, ...peers]);
    const members = membersOf('a', [own, ...peers], CHANGED);
    assert.deepEqual(placementFieldsOf(members.own), OLD);
    assert.deepEqual(members.ignoredFields, CHANGED);
    assert.equal(members.placementsHash, before.placementsHash, 'no owner changes here');
    before.merge(members.own);
    assert.equal(before.get('a')?.life, 'two', 'the record is news');
    assert.equal(members.placementsHash, before.placementsHash, 'no owner changes there');
  });
}

test('a node on an empty disk has the weight and zone of the owner that it was', () => {
  const own = membersOf('a', [], CHANGED);
  assert.deepEqual(placementFieldsOf(own.own), CHANGED);
  assert.equal(own.ignoredFields, undefined);
  const known = recordOf('a', 'up', { version: 9, ...OLD });
  const held = settledOn(known, own);
  assert.deepEqual([held?.state, held?.generation], ['up', 2]);
  assert.deepEqual(held && placementFieldsOf(held), OLD);
  assert.deepEqual(own.ignoredFields, CHANGED);
  // It was killed before it could rely on its list, so its disk has its record as joining.
  const again = membersOf('a', own.listToKeep.all(), CHANGED);
  const later = settledOn(held as MemberRecord, again);
  assert.deepEqual([later?.state, later?.generation], ['up', 3]);
  assert.deepEqual(later && placementFieldsOf(later), OLD);
});

test('a node that has left joins with the weight and zone of its configuration', () => {
  const own = membersOf('a', [], CHANGED);
  const held = settledOn(recordOf('a', 'gone', { version: 9, ...OLD }), own);
  assert.deepEqual([held?.state, held?.generation], ['joining', 2]);
  assert.deepEqual(held && placementFieldsOf(held), CHANGED);
});

test('a node that has met no other may still change its weight and zone', () => {
  const own = membersOf('a', [recordOf('a', 'joining', OLD)], CHANGED);
  assert.deepEqual(placementFieldsOf(own.own), CHANGED);
  assert.equal(own.ignoredFields, undefined);
});

test('a node warns once of a weight or zone that does not count', () => {
  const lines: unknown[] = [];
  const log = { ...SILENT, warn: (...line: unknown[]) => void lines.push(line) };
  const members = membersOf('a', [recordOf('a', 'up', OLD), recordOf('b', 'up')], CHANGED);
  warnOfIgnoredFields(log, members);
  members.refute(members.own.version);
  const fields = { weight: 1, configuredWeight: 8, zone: 'old', configuredZone: 'new' };
  const todo = 'mec leave, then start on an empty root';
  const event = 'configured weight or zone ignored until the node joins again';
  assert.deepEqual(lines, [[event, { ...fields, todo }]]);
  warnOfIgnoredFields(log, membersOf('a', [recordOf('a', 'up', OLD), recordOf('b', 'up')], OLD));
  assert.equal(lines.length, 1, 'no value was changed');
});

test('a node on an empty disk warns when it hears of the owner that it was', () => {
  let lines = 0;
  const members = membersOf('a', [], CHANGED);
  warnOfIgnoredFields({ ...SILENT, warn: () => void (lines += 1) }, members);
  assert.equal(lines, 0);
  members.merge(recordOf('a', 'up', { version: 9, ...OLD }));
  assert.equal(lines, 1);
});

test('the life of a member is that of its last start, and a member that is gone has none', () => {
  const members = membersOf('a', [recordOf('a', 'up'), recordOf('b', 'up', { life: 'first' })]);
  assert.equal(members.lifeOf('a'), 'two', 'even if the disk has another life');
  assert.equal(members.lifeOf('b'), 'first');
  members.merge(recordOf('b', 'up', { life: 'second', version: 2 }));
  assert.equal(members.lifeOf('b'), 'second');
  members.merge(recordOf('b', 'gone', { life: 'second', version: 3 }));
  assert.equal(members.lifeOf('b'), undefined);
  assert.equal(members.lifeOf('never heard of'), undefined);
});

test('a listener that throws hides no change from the others', () => {
  const members = membersOf('self');
  const heard: string[] = [];
  const bug = new Error('a bug of one listener');
  members.onChange(() => {
    throw bug;
  });
  members.onChange(({ name }) => heard.push(name));
  assert.throws(() => members.merge(recordOf('n2', 'up')), bug);
  assert.deepEqual(heard, ['n2']);
});

test('a life has ended if its member is gone, or if another life has followed', () => {
  const members = membersOf('self');
  const areOver = (): boolean[] => ['one', 'two', 'x'].map((life) => members.hasEnded('n2', life));
  assert.deepEqual(areOver(), [false, false, false], 'the member is unknown');
  members.merge(recordOf('n2', 'up'));
  assert.deepEqual(areOver(), [false, false, false], 'another life may have begun unheard');
  members.merge(recordOf('n2', 'up', { life: 'two', version: 2 }));
  assert.deepEqual(areOver(), [true, false, false]);
  members.remove('n2');
  assert.deepEqual(areOver(), [true, true, true]);
  members.merge(recordOf('n2', 'joining', { life: 'x', generation: 2 }));
  assert.deepEqual(areOver(), [true, true, false], 'a new member has the name');
});

test('a life goes on although a late record of the life before has won for a while', () => {
  const members = membersOf('self', [recordOf('n2', 'up', { version: 5 })]);
  members.merge(recordOf('n2', 'up', { life: 'two', version: 6 }));
  members.merge(recordOf('n2', 'up', { version: 7 }));
  members.merge(recordOf('n2', 'up', { life: 'two', version: 8 }));
  assert.equal(members.hasEnded('n2', 'two'), false);
  assert.equal(members.hasEnded('n2', 'one'), true);
});

test('only the latest ended lives are remembered', () => {
  const members = membersOf('self');
  for (let version = 1; version <= MAX_ENDED_LIVES + 2; version++)
    members.merge(recordOf('n2', 'up', { life: `${version}`, version }));
  const lives = ['1', '2', `${MAX_ENDED_LIVES + 1}`, `${MAX_ENDED_LIVES + 2}`];
  assert.deepEqual(
    lives.map((life) => members.hasEnded('n2', life)),
    [false, true, true, false],
  );
});

test('the records of a message are merged at once, and the owners computed once', () => {
  const members = membersOf('a', [recordOf('a', 'up'), recordOf('b', 'up')]);
  const heard: string[] = [];
  const sizes = new Set<number>();
  members.onChange(({ name }) => {
    heard.push(name);
    sizes.add(members.all().length);
  });
  const records = Array.from({ length: 300 }, (_, i) =>
    recordOf(`e${i}`, 'joining', { weight: 1 + i / 1000 }),
  );
  assert.deepEqual(members.mergeAll(records), { changed: 300, refused: [] });
  assert.deepEqual(
    heard,
    records.map(({ name }) => name),
  );
  assert.deepEqual([...sizes], [302], 'each listener sees all of them');
  assert.ok(members.shareOf('e0').pending > 0);
});

test('a message with 300 new members costs less than 100 ms of one core', () => {
  // The first messages also pay for the compiler.
  const costsMs = Array.from({ length: 5 }, (_, message) => {
    const kept = ['a', 'b', 'c'].map((name) => recordOf(name, 'up'));
    const members = membersOf('a', kept);
    const records = Array.from({ length: 300 }, (__, i) =>
      recordOf(`new${message}-${i}`, 'joining', { weight: 1 + i / 1000 }),
    );
    const before = process.cpuUsage();
    members.mergeAll(records);
    const { user, system } = process.cpuUsage(before);
    return (user + system) / 1000;
  });
  assert.ok(Math.min(...costsMs) < 100, `${costsMs.join(', ')} ms`);
});

test('a record with a flaw is left out and named, and the others are merged', () => {
  const members = membersOf('a', [recordOf('a', 'up')]);
  const bad = recordOf('evil', 'joining', { host: '*;;;!!', port: 70_000_000 });
  const { changed, refused } = members.mergeAll([recordOf('b'), bad, recordOf('c')]);
  assert.deepEqual([changed, refused], [2, [{ name: 'evil', flaw: 'its host breaks the rules' }]]);
  assert.deepEqual(
    members.all().map(({ name }) => name),
    ['a', 'b', 'c'],
  );
});

test('a node neither takes over nor answers a version of itself that it cannot have had', () => {
  const members = membersOf('a', [recordOf('a', 'up', { version: 4 }), recordOf('b', 'up')]);
  const { own } = members;
  for (const version of [2 ** 53 - 1, 2 ** 48, 2 ** 47]) {
    assert.equal(members.merge(recordOf('a', 'up', { version })), false);
    assert.equal(members.refute(version), false);
  }
  assert.deepEqual(members.own, own);
  assert.equal(members.refute(9), true);
  assert.equal(members.own.version, 10);
});

test('the list takes no more members than fit in a message', () => {
  const members = membersOf('a', [recordOf('a', 'up')]);
  const strangers = Array.from({ length: MAX_MEMBERS }, (_, i) => toGone(recordOf(`e${i}`)));
  const { changed, refused } = members.mergeAll(strangers);
  assert.deepEqual([changed, refused.length], [MAX_MEMBERS - 1, 1]);
  assert.match(refused[0]?.flaw ?? '', /the list has 1024 members/);
  assert.equal(members.merge(recordOf('e0', 'joining', { generation: 2 })), true, 'a known name');
});

test('a suspicion of a version that a member cannot have does not hide later ones', () => {
  const members = membersOf('a', [recordOf('a', 'up'), recordOf('b', 'up')]);
  const gossiper = new Gossiper(members);
  assert.equal(gossiper.suspect({ name: 'b', version: 2 ** 53 - 1 }), false);
  assert.equal(gossiper.suspect({ name: 'b', version: 2 }), true);
});

/** Values of a field: those of a sound record, and others. */
const anyOf = <Value>(sound: readonly Value[], other: readonly unknown[]): fc.Arbitrary<Value> =>
  fc.constantFrom(...sound, ...sound, ...(other as Value[]));

const anyRecord = fc.record(
  {
    name: anyOf(['a', 'b', 'c', 'new'], ['', '\0', 'n'.repeat(256)]),
    host: anyOf(['h', '::1'], ['', '*', 'h'.repeat(255)]),
    port: anyOf([7000, 65_534], [0, 65_535, 2 ** 53 - 1]),
    httpport: anyOf([3000], [0, 70_000]),
    zone: anyOf([undefined, 'rack'], ['', 'z'.repeat(256)]),
    weight: anyOf([1, 100], [0, -1, 1e6, 5e-324]),
    state: anyOf(['joining', 'up', 'leaving', 'gone'] as const, [undefined]),
    generation: anyOf([1, 2], [0, 2 ** 40, 2 ** 53 - 1]),
    life: anyOf(['one', 'two', ''], ['a b', 'l'.repeat(256)]),
    version: anyOf([1, 2, 9], [0, 2 ** 40, 2 ** 53 - 1]),
    settled: anyOf([0, 1], [2 ** 53 - 1]),
  },
  { noNullPrototype: true },
);

test('no records from peers make a node throw, lose its life, or remember a flaw', () => {
  fc.assert(
    fc.property(fc.array(fc.array(anyRecord, { maxLength: 4 }), { maxLength: 6 }), (messages) => {
      const members = membersOf('a', [recordOf('a'), recordOf('b'), recordOf('c')]);
      for (const records of messages) {
        members.mergeAll(records);
        assert.equal(members.own.life, 'two');
        assert.deepEqual(
          members.all().flatMap((record) => flawedFieldOf(record) ?? []),
          [],
        );
      }
    }),
    { numRuns: 200 },
  );
});
