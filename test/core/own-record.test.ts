import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import {
  MEMBER_STATES,
  MemberList,
  type MemberRecord,
  type MemberState,
} from '../../src/core/placement/member-list.ts';
import { answerTo, type OwnStanding } from '../../src/core/placement/own-record.ts';

/** A record in few words: state, generation, life, version. */
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

const NEW = { hasMet: false, lives: ['now'] };
const RESTARTED = { hasMet: false, lives: ['now', 'before'] };
const MEMBER = { hasMet: true, lives: ['now', 'before'] };

type Row = [what: string, who: Omit<OwnStanding, 'own'>, own: Words, said: Words, answer?: Words];

const TABLE: Row[] = [
  ['an empty root follows what was up', NEW, 'joining 1 now 1', 'up 1 x 9', 'up 2 now 1'],
  ['… and of what was leaving', NEW, 'joining 1 now 1', 'leaving 3 x 9', 'up 4 now 1'],
  ['… joins like what was joining', NEW, 'joining 1 now 1', 'joining 1 x 9', 'joining 2 now 1'],
  ['… and after what is gone', NEW, 'joining 1 now 1', 'gone 1 x 9', 'joining 2 now 1'],
  ['… but hears of its own end', NEW, 'joining 1 now 1', 'gone 1 now 2', 'gone 1 now 3'],
  ['… of that of the life before', RESTARTED, 'joining 1 now 2', 'gone 1 before 2', 'gone 1 now 3'],
  ['… and of itself as it was', RESTARTED, 'joining 1 now 2', 'joining 1 before 2', 'joining 1 now 3'],
  ['one that began alone joins then', NEW, 'up 1 now 2', 'gone 1 x 9', 'joining 2 now 1'],
  ['… and after several', NEW, 'up 1 now 2', 'up 2 x 9', 'up 3 now 1'],
  ['one that joins is gone if all say so', MEMBER, 'joining 2 now 3', 'gone 2 x 2', 'gone 2 now 4'],
  ['… not if it was an earlier one', MEMBER, 'joining 2 now 3', 'gone 1 x 9'],
  ['… goes on as it is', MEMBER, 'joining 2 now 3', 'joining 2 x 7', 'joining 2 now 8'],
  ['… takes the place of what was up', MEMBER, 'joining 1 now 3', 'up 1 x 7', 'up 2 now 1'],
  ['one that is up goes on as it is', MEMBER, 'up 1 now 3', 'leaving 1 x 7', 'up 1 now 8'],
  ['… and need not say it twice', MEMBER, 'up 1 now 8', 'leaving 1 x 7'],
  ['… is gone if all say so', MEMBER, 'up 1 now 9', 'gone 1 x 7', 'gone 1 now 10'],
  ['… takes the place of a later one', MEMBER, 'up 1 now 9', 'up 2 x 7', 'up 3 now 1'],
  ['… that was joining', MEMBER, 'up 1 now 9', 'joining 2 x 7', 'joining 3 now 1'],
  ['… and is gone with it', MEMBER, 'up 1 now 9', 'gone 2 x 7', 'gone 2 now 8'],
  ['one that is gone says which life it has', MEMBER, 'gone 1 now 3', 'gone 1 x 7', 'gone 1 now 8'],
  ['… need not say it twice', MEMBER, 'gone 1 now 8', 'gone 1 x 7'],
  ['… has no part in a later one', MEMBER, 'gone 1 now 8', 'up 2 x 7'],
];

for (const [what, who, own, said, answer] of TABLE) {
  test(`${what}: ${own}, of which is said ${said}`, () => {
    const given = answerTo(recordOf(said), { ...who, own: recordOf(own) });
    assert.equal(given && wordsOf(given), answer);
  });
}

const LIVES = ['now', 'before', 'x'];

const words = fc
  .tuple(fc.constantFrom(...MEMBER_STATES), fc.integer({ min: 1, max: 4 }), fc.constantFrom(...LIVES), fc.nat(9))
  .map(([state, generation, life, version]) => recordOf(`${state} ${generation} ${life} ${version}`));

test('whatever is said, all end with one record, of the life that runs', () => {
  fc.assert(
    fc.property(words, fc.constantFrom(NEW, RESTARTED, MEMBER), fc.array(words), (first, who, all) => {
      let own: MemberRecord = { ...first, life: 'now' };
      const others = new MemberList();
      for (const said of all) {
        others.merge(said);
        const held = others.get('a');
        own = (held && answerTo(held, { ...who, own })) ?? own;
        others.merge(own);
        // A member that is gone has no part in a later one, and says nothing new of an earlier one.
        if (own.state !== 'gone') assert.deepEqual(others.get('a'), own);
      }
    }),
  );
});
