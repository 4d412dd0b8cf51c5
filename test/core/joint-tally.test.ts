/** The majorities of a conditional write: of the owners, and while a key changes hands of the next owners. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { JointTally } from '../../src/core/quorum/joint-tally.ts';
import type { Verdict } from '../../src/core/quorum/tally.ts';

/** What is said once the members of `yes` have agreed and the others have failed, of all that were asked. */
function verdict(sets: { now: string; next?: string; least?: number }, asked: string, yes: string): Verdict {
  const owners = sets.now.split('');
  const tally = new JointTally({ owners, nextOwners: (sets.next ?? sets.now).split('') }, sets.least);
  for (const member of asked) tally.ask(member);
  for (const member of asked) if (yes.includes(member)) tally.succeed(member);
  return tally.verdict();
}

test('a majority of the owners, and as many as the caller asks for', () => {
  assert.equal(verdict({ now: 'abc' }, 'abc', 'a'), 'waiting');
  assert.equal(verdict({ now: 'abc' }, 'abc', 'ac'), 'met');
  assert.equal(verdict({ now: 'abc', least: 3 }, 'abc', 'ac'), 'waiting');
  assert.equal(verdict({ now: 'abc', least: 3 }, 'ab', 'ab'), 'failed');
  assert.equal(verdict({ now: 'abcd' }, 'abcd', 'ab'), 'waiting');
  assert.equal(verdict({ now: 'a' }, 'a', 'a'), 'met');
});

test('while a key changes hands, a majority of the next owners as well', () => {
  const change = { now: 'abc', next: 'abd' };
  assert.equal(verdict(change, 'abcd', 'ab'), 'met', 'a majority of both');
  assert.equal(verdict(change, 'abcd', 'ac'), 'waiting');
  assert.equal(verdict(change, 'abcd', 'ad'), 'waiting');
  assert.equal(verdict(change, 'abcd', 'acd'), 'met');
  assert.equal(verdict(change, 'ac', 'ac'), 'failed', 'of the next owners, one is not enough');
  assert.equal(verdict(change, 'ad', 'ad'), 'failed');
  assert.equal(verdict({ now: 'abc', next: 'ab' }, 'abc', 'ac'), 'waiting', 'one leaves, and none takes its place');
});

test('two counts share an owner, before and after a change', () => {
  const views = [{ now: 'abc' }, { now: 'abc', next: 'abd' }, { now: 'abd' }];
  const sets = Array.from({ length: 16 }, (_, bits) =>
    'abcd'
      .split('')
      .filter((_m, i) => (bits >> i) & 1)
      .join(''),
  );
  for (const [i, one] of views.entries()) {
    for (const other of views.slice(i, i + 2)) {
      for (const a of sets.filter((set) => verdict(one, 'abcd', set) === 'met')) {
        for (const b of sets.filter((set) => verdict(other, 'abcd', set) === 'met')) {
          assert.ok(
            a.split('').some((member) => b.includes(member)),
            `${JSON.stringify(one)} ${a}, ${JSON.stringify(other)} ${b}`,
          );
        }
      }
    }
  }
});

test('the error counts the majority that is lacking', () => {
  const tally = new JointTally({ owners: 'abc'.split(''), nextOwners: 'abd'.split('') });
  for (const member of 'abcd') tally.ask(member);
  for (const member of 'ac') tally.succeed(member);
  tally.fail('b', 'contended');
  assert.equal(tally.verdict(), 'waiting');
  tally.timeOut();
  const error = tally.lacking.error('Nothing was written.');
  assert.deepEqual([error.code, error.details.have, error.details.need], ['timeout', 1, 2]);
});
