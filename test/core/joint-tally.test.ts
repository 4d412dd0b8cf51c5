/**
 * The majorities of a conditional write: of the owners and, during a change, of the next owners.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { JointTally } from '../../src/core/quorum/joint-tally.ts';
import type { Verdict } from '../../src/core/quorum/tally.ts';

/**
 * The verdict after the members in `yes` have succeeded and the others in `asked` have not
 * answered.
 */
function verdict(
  sets: { now: string; next?: string; least?: number },
  asked: string,
  yes: string,
): Verdict {
  const owners = sets.now.split('');
  const tally = new JointTally(
    { owners, nextOwners: (sets.next ?? sets.now).split('') },
    sets.least,
  );
  for (const member of asked) tally.ask(member);
  for (const member of asked) if (yes.includes(member)) tally.succeed(member);
  return tally.verdict();
}

test('JointTally needs a majority of the owners, or more if the caller asks for more', () => {
  assert.equal(verdict({ now: 'abc' }, 'abc', 'a'), 'waiting');
  assert.equal(verdict({ now: 'abc' }, 'abc', 'ac'), 'met');
  assert.equal(verdict({ now: 'abc', least: 3 }, 'abc', 'ac'), 'waiting');
  assert.equal(verdict({ now: 'abc', least: 3 }, 'ab', 'ab'), 'failed');
  assert.equal(verdict({ now: 'abcd' }, 'abcd', 'ab'), 'waiting');
  assert.equal(verdict({ now: 'a' }, 'a', 'a'), 'met');
});

test('JointTally also needs a majority of the next owners during a change', () => {
  const change = { now: 'abc', next: 'abd' };
  assert.equal(verdict(change, 'abcd', 'ab'), 'met', 'a majority of both');
  assert.equal(verdict(change, 'abcd', 'ac'), 'waiting');
  assert.equal(verdict(change, 'abcd', 'ad'), 'waiting');
  assert.equal(verdict(change, 'abcd', 'acd'), 'met');
  assert.equal(verdict(change, 'ac', 'ac'), 'failed', 'one next owner is not enough');
  assert.equal(verdict(change, 'ad', 'ad'), 'failed');
  assert.equal(
    verdict({ now: 'abc', next: 'ab' }, 'abc', 'ac'),
    'waiting',
    'one owner leaves without a successor',
  );
});

test('any two majorities share an owner, before, during and after a change', () => {
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

test('the error has the counts of the missing majority', () => {
  const tally = new JointTally({ owners: 'abc'.split(''), nextOwners: 'abd'.split('') });
  for (const member of 'abcd') tally.ask(member);
  for (const member of 'ac') tally.succeed(member);
  tally.fail('b', 'contended');
  assert.equal(tally.verdict(), 'waiting');
  tally.timeOut();
  const error = tally.lacking.error('Nothing was written.');
  assert.deepEqual([error.code, error.details.have, error.details.need], ['timeout', 1, 2]);
});
