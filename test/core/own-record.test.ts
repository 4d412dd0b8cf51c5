import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import {
  MEMBER_STATES,
  MemberList,
  type MemberRecord,
  type MemberState,
  placementFieldsOf,
} from '../../src/core/placement/member-list.ts';
import { answerToRecord, type SelfKnowledge } from '../../src/core/placement/own-record.ts';

/** A record in short form: state, generation, life, version. */
type Words = `${MemberState} ${number} ${string} ${number}`;

function recordOf(words: Words): MemberRecord {
  const [state, generation, life = '', version] = words.split(' ');
  return {
    name: 'a',
    host: 'h',
    port: 7000,
    httpport: 3000,
    zone: undefined,
    weight: 1,
    state: state as MemberState,
    generation: Number(generation),
    life,
    version: Number(version),
    settled: 0,
  };
}

function wordsOf({ state, generation, life, version }: MemberRecord): Words {
  return `${state} ${generation} ${life} ${version}`;
}

const configured = { weight: 8, zone: 'new' };
const NEW = { hasMetOthers: false, lives: ['now'], configured };
const RESTARTED = { hasMetOthers: false, lives: ['now', 'before'], configured };
const MEMBER = { hasMetOthers: true, lives: ['now', 'before'], configured };

type Row = [what: string, who: Omit<SelfKnowledge, 'own'>, own: Words, said: Words, answer?: Words];

const TABLE: Row[] = [
  [
    'an empty root takes the place of a member that was up',
    NEW,
    'joining 1 now 1',
    'up 1 x 9',
    'up 2 now 1',
  ],
  [
    'an empty root with a higher version takes the place of a member that was up',
    NEW,
    'joining 1 now 9',
    'up 1 x 3',
    'up 2 now 1',
  ],
  [
    'an empty root takes the place of a member that was leaving',
    NEW,
    'joining 1 now 1',
    'leaving 3 x 9',
    'up 4 now 1',
  ],
  [
    'an empty root joins after a member that was joining',
    NEW,
    'joining 1 now 1',
    'joining 1 x 9',
    'joining 2 now 1',
  ],
  [
    'an empty root joins after a member that is gone',
    NEW,
    'joining 1 now 1',
    'gone 1 x 9',
    'joining 2 now 1',
  ],
  [
    'an empty root accepts that its own life is gone',
    NEW,
    'joining 1 now 1',
    'gone 1 now 2',
    'gone 1 now 3',
  ],
  [
    'a restarted node accepts that its earlier life is gone',
    RESTARTED,
    'joining 1 now 2',
    'gone 1 before 2',
    'gone 1 now 3',
  ],
  [
    'a restarted node raises the version of its earlier record',
    RESTARTED,
    'joining 1 now 2',
    'joining 1 before 2',
    'joining 1 now 3',
  ],
  [
    'a node that began alone joins after a member that is gone',
    NEW,
    'up 1 now 2',
    'gone 1 x 9',
    'joining 2 now 1',
  ],
  [
    'a node that began alone follows a later generation',
    NEW,
    'up 1 now 2',
    'up 2 x 9',
    'up 3 now 1',
  ],
  [
    'a joining member accepts that it is gone',
    MEMBER,
    'joining 2 now 3',
    'gone 2 x 2',
    'gone 2 now 4',
  ],
  ['a joining member ignores an earlier generation', MEMBER, 'joining 2 now 3', 'gone 1 x 9'],
  [
    'a joining member raises its version over another life',
    MEMBER,
    'joining 2 now 3',
    'joining 2 x 7',
    'joining 2 now 8',
  ],
  [
    'a joining member takes the place of a member that was up',
    MEMBER,
    'joining 1 now 3',
    'up 1 x 7',
    'up 2 now 1',
  ],
  [
    'a member that is up raises its version over another life',
    MEMBER,
    'up 1 now 3',
    'up 1 x 7',
    'up 1 now 8',
  ],
  ['a member that is up ignores a lower version', MEMBER, 'up 1 now 8', 'up 1 x 7'],
  [
    'a member that is up takes the place of a member that was leaving',
    MEMBER,
    'up 1 now 8',
    'leaving 1 x 7',
    'up 2 now 1',
  ],
  [
    'a member that is up accepts that it is gone',
    MEMBER,
    'up 1 now 9',
    'gone 1 x 7',
    'gone 1 now 10',
  ],
  [
    'a member that is up takes the place of a later generation',
    MEMBER,
    'up 1 now 9',
    'up 2 x 7',
    'up 3 now 1',
  ],
  [
    'a member that is up takes the place of a later joining generation',
    MEMBER,
    'up 1 now 9',
    'joining 2 x 7',
    'joining 3 now 1',
  ],
  [
    'a member that is up is gone with a later generation',
    MEMBER,
    'up 1 now 9',
    'gone 2 x 7',
    'gone 2 now 8',
  ],
  [
    'a member that is gone answers with its life',
    MEMBER,
    'gone 1 now 3',
    'gone 1 x 7',
    'gone 1 now 8',
  ],
  ['a member that is gone ignores a lower version', MEMBER, 'gone 1 now 8', 'gone 1 x 7'],
  ['a member that is gone ignores a later generation', MEMBER, 'gone 1 now 8', 'up 2 x 7'],
];

for (const [what, who, own, said, answer] of TABLE) {
  test(`${what}: own record ${own}, received ${said}`, () => {
    const given = answerToRecord(recordOf(said), { ...who, own: recordOf(own) });
    assert.equal(given && wordsOf(given), answer);
  });
}

/** The weight and zone with which a node answers a record that has others. */
function fieldsIn(who: Omit<SelfKnowledge, 'own'>, own: Words, said: Words): unknown {
  const received = { ...recordOf(said), weight: 2, zone: 'old' };
  const answer = answerToRecord(received, { ...who, own: recordOf(own) });
  return answer && placementFieldsOf(answer);
}

test('a node that takes the place of an owner takes its weight and zone', () => {
  const old = { weight: 2, zone: 'old' };
  assert.deepEqual(fieldsIn(NEW, 'joining 1 now 1', 'up 1 x 9'), old);
  assert.deepEqual(fieldsIn(NEW, 'joining 1 now 1', 'leaving 3 x 9'), old);
  assert.deepEqual(fieldsIn(MEMBER, 'joining 1 now 3', 'up 1 before 7'), old);
  assert.deepEqual(fieldsIn(MEMBER, 'up 1 now 9', 'up 2 x 7'), old);
});

test('a node that joins after a member that owns nothing has the configured weight and zone', () => {
  assert.deepEqual(fieldsIn(NEW, 'joining 1 now 1', 'joining 1 x 9'), configured);
  assert.deepEqual(fieldsIn(NEW, 'joining 1 now 1', 'gone 1 x 9'), configured);
  assert.deepEqual(fieldsIn(NEW, 'up 1 now 2', 'gone 1 x 9'), configured);
});

test('a node keeps its weight and zone over records of its generation that have others', () => {
  const own = { weight: 1, zone: undefined };
  assert.deepEqual(fieldsIn(MEMBER, 'up 1 now 8', 'up 1 x 9'), own);
  assert.deepEqual(fieldsIn(MEMBER, 'joining 2 now 3', 'joining 2 x 7'), own);
});

const LIVES = ['now', 'before', 'x'];

const words = fc
  .tuple(
    fc.constantFrom(...MEMBER_STATES),
    fc.integer({ min: 1, max: 4 }),
    fc.constantFrom(...LIVES),
    fc.nat(9),
  )
  .map(([state, generation, life, version]) =>
    recordOf(`${state} ${generation} ${life} ${version}`),
  );

test('after any received records, the list has the record of the running life', () => {
  fc.assert(
    fc.property(
      words,
      fc.constantFrom(NEW, RESTARTED, MEMBER),
      fc.array(words),
      (first, who, all) => {
        let own: MemberRecord = { ...first, life: 'now' };
        const others = new MemberList();
        for (const said of all) {
          others.merge(said);
          const held = others.get('a');
          own = (held && answerToRecord(held, { ...who, own })) ?? own;
          others.merge(own);
          // A node that is gone does not answer a later member, and does not repeat itself to an
          // earlier one.
          if (own.state !== 'gone') assert.deepEqual(others.get('a'), own);
        }
      },
    ),
  );
});
