/** A quorum of every set of owners that some node names. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type Needs, OwnerQuorum, type Role } from '../../src/core/quorum/owner-quorum.ts';

const OLD = ['a', 'b', 'c'];
const NEXT = ['a', 'b', 'd'];
const STILL = { owners: OLD, nextOwners: OLD };
const CHANGING = { owners: OLD, nextOwners: NEXT };
const CHANGED = { owners: NEXT, nextOwners: NEXT };

const roleOf = (member: string): Role => (OLD.includes(member) ? 'owner' : 'pending owner');

/** All members are asked. Those in `away` cannot be reached. */
function asked(
  needs: Needs,
  sets = STILL,
  { members = [...OLD, 'd'], away = [] as string[] } = {},
): OwnerQuorum {
  const quorum = new OwnerQuorum(needs, sets, (member) => away.includes(member));
  for (const member of members) quorum.ask(member, roleOf(member));
  return quorum;
}

function succeed(quorum: OwnerQuorum, ...members: readonly string[]): void {
  for (const member of members) quorum.succeed(member, roleOf(member));
}

test('a majority of the owners is enough if no node names others', () => {
  const quorum = asked({ any: 'quorum' });
  succeed(quorum, 'a', 'c');
  assert.equal(quorum.verdict(), 'met');
});

test('while the owners change, a majority of the next owners is needed as well', () => {
  const quorum = asked({ any: 'quorum' }, CHANGING);
  succeed(quorum, 'a', 'c');
  assert.equal(quorum.verdict(), 'waiting');
  succeed(quorum, 'd');
  assert.equal(quorum.verdict(), 'met');
});

test('owners that only one answer names are needed as well', () => {
  const quorum = asked({ any: 'quorum' });
  succeed(quorum, 'a', 'c');
  assert.deepEqual([...quorum.learn(CHANGED)].sort(), NEXT);
  assert.equal(quorum.verdict(), 'waiting');
  succeed(quorum, 'b');
  assert.equal(quorum.verdict(), 'met');
});

test('a replica that is catching up does not count as an owner', () => {
  const quorum = asked({ any: 'quorum' }, CHANGING);
  succeed(quorum, 'a', 'c');
  quorum.succeed('d', 'pending owner', false);
  assert.equal(quorum.verdict(), 'waiting');
});

test('another member acts for an owner that cannot be reached', () => {
  const quorum = asked({ any: 'quorum' }, CHANGING, { members: ['a', 'c', 'd'], away: ['b'] });
  succeed(quorum, 'a', 'c');
  assert.equal(quorum.verdict(), 'met');
});

test('nothing waits for a pending owner that cannot be reached, although no member acts for it', () => {
  const growing = { owners: ['a'], nextOwners: ['a', 'd'] };
  const quorum = asked({ any: 'quorum' }, growing, { members: ['a'], away: ['d'] });
  succeed(quorum, 'a');
  assert.equal(quorum.verdict(), 'met');
  const strict = asked({ any: 'quorum', owners: 'quorum' }, growing, {
    members: ['a'],
    away: ['d'],
  });
  succeed(strict, 'a');
  assert.equal(strict.verdict(), 'failed');
});

test('another member acts for an owner whose disk failed', () => {
  const quorum = asked({ any: 'quorum' }, CHANGING);
  succeed(quorum, 'a', 'c');
  quorum.fail('d', 'disk-failed', 'pending owner');
  assert.equal(quorum.verdict(), 'met');
});

test('no member acts for an owner that can be asked again', () => {
  const quorum = asked({ any: 'quorum' }, CHANGING);
  succeed(quorum, 'a', 'c');
  quorum.fail('b', 'unreachable', 'owner');
  quorum.fail('d', 'timeout', 'pending owner');
  assert.equal(quorum.verdict(), 'waiting');
  assert.deepEqual(quorum.takeFailed(), ['b', 'd']);
  assert.deepEqual(quorum.takeFailed(), []);
  assert.equal(quorum.verdict(), 'failed');
});

test('no member acts for an owner if the request asks for owners', () => {
  const away = ['b', 'd'];
  const quorum = asked({ any: 'one', owners: 'quorum' }, CHANGING, { members: ['a', 'c'], away });
  succeed(quorum, 'a', 'c');
  assert.equal(quorum.verdict(), 'failed');
  const { code, details } = quorum.error('It may still take effect.');
  assert.deepEqual([code, details.have, details.need], ['quorum-not-met', 1, 2]);
  assert.match(details.detail ?? '', /1 of 2 owners .* It may still take effect\.$/);
});

test('a timeout is final for the owners of all sets', () => {
  const quorum = asked({ any: 'quorum' }, CHANGING);
  succeed(quorum, 'a', 'c');
  quorum.fail('b', 'unreachable', 'owner');
  assert.equal(quorum.verdict(), 'waiting');
  quorum.timeOut();
  assert.equal(quorum.verdict(), 'failed');
});

test('an answer that is withdrawn counts for no set', () => {
  const quorum = asked({ any: 'quorum' }, CHANGING);
  succeed(quorum, 'a', 'b', 'd');
  quorum.withdraw('b');
  quorum.withdraw('d');
  assert.equal(quorum.verdict(), 'waiting');
  succeed(quorum, 'c');
  quorum.timeOut();
  assert.equal(quorum.verdict(), 'failed');
});

test('members that could be no quorum of the next owners are told before a write', () => {
  const quorum = asked({ any: 'quorum' }, CHANGING, { away: [] });
  assert.deepEqual(quorum.lackAmong(['a', 'c']), { kind: 'replicas', have: 1, need: 2 });
  assert.equal(quorum.lackAmong(['a', 'b']), undefined);
  assert.equal(asked({ any: 'quorum' }).lackAmong([]), undefined);
});
