/** An acknowledgement counts only if no other counted member names a fence against its replica. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Random } from '../../src/base/env.ts';
import { replicaNumber, ReplicaNames } from '../../src/core/causality/replica-name.ts';
import { type Fence, type StoredWord, WriteQuorum } from '../../src/core/quorum/write-quorum.ts';
import { seededRandom } from '../fixtures/fake-env.ts';

const NONE: readonly Fence[] = [];
const fence = (life: string, replica: number, later?: string): Fence => ({
  member: 'c',
  replica,
  life,
  later,
});
const word = (life: string, replica: number, fences = NONE): StoredWord => ({
  replica,
  life,
  fences,
});

function asked(need: number, members: number): WriteQuorum {
  const owners = ['a', 'b', 'c'];
  const quorum = new WriteQuorum({ any: need }, { owners, nextOwners: owners }, () => false);
  for (const member of owners.slice(0, members)) quorum.ask(member, 'owner');
  return quorum;
}

const WORDS: readonly (readonly [string, StoredWord, Fence, boolean])[] = [
  ['from the life before the fence', word('l1', 9), fence('l2', 3), false],
  ['from the replica that was filled', word('l2', 3), fence('l2', 3), true],
  ['from an earlier replica of that life', word('l2', 2), fence('l2', 3), false],
  ['from a later replica of that life', word('l2', 10), fence('l2', 3), true],
  ['from a later life', word('l3', 1), fence('l2', 3, 'l3'), true],
  [
    'from the life before, although a later one is known',
    word('l1', 9),
    fence('l2', 3, 'l3'),
    false,
  ],
];
for (const [what, said, made, counts] of WORDS) {
  test(`an acknowledgement ${what} ${counts ? 'counts' : 'is void'}`, () => {
    for (const isFenceFirst of [true, false]) {
      const quorum = asked(2, 2);
      if (!isFenceFirst) quorum.add('c', said, 'owner');
      quorum.add('a', word('k', 1, [made]), 'owner');
      if (isFenceFirst) quorum.add('c', said, 'owner');
      assert.equal(quorum.verdict(), counts ? 'met' : 'failed');
    }
  });
}

test('a void acknowledgement can be replaced by another member', () => {
  const quorum = asked(2, 3);
  quorum.add('c', word('l1', 1), 'owner');
  quorum.add('a', word('k', 1, [fence('l2', 1)]), 'owner');
  assert.equal(quorum.verdict(), 'waiting');
  quorum.add('b', word('m', 1), 'owner');
  assert.equal(quorum.verdict(), 'met');
});

test('a fence against one member does not void another', () => {
  const quorum = asked(2, 2);
  quorum.add('b', word('l1', 1), 'owner');
  quorum.add('a', word('k', 1, [fence('l2', 1)]), 'owner');
  assert.equal(quorum.verdict(), 'met');
});

test('the numbers of replica names increase within a life', () => {
  const random: Random = seededRandom(1);
  const names = new ReplicaNames(random);
  const numbers = Array.from({ length: 40 }, () => replicaNumber(names.next()));
  assert.deepEqual(
    numbers,
    numbers.map((_, i) => i + 1),
  );
});
