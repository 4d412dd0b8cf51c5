/** Whose word counts for a write: that of a replica of which no other counted member knows a successor. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type Fence, WriteQuorum } from '../../src/core/write-quorum.ts';

const NONE: readonly Fence[] = [];

function asked(need: number, members: number): WriteQuorum {
  const quorum = new WriteQuorum(need);
  for (let i = 0; i < members; i++) quorum.tally.ask();
  return quorum;
}

test('the word of a replica is void once a member that has stored the write has filled its successor', () => {
  const quorum = asked(2, 3);
  quorum.add('c', { replica: 'c1', life: 'l1', fences: NONE }, true);
  quorum.add('a', { replica: 'a1', life: 'l1', fences: [{ member: 'c', replica: 'c2', life: undefined }] }, true);
  assert.equal(quorum.tally.verdict(), 'waiting');
  quorum.add('b', { replica: 'b1', life: 'l1', fences: NONE }, true);
  assert.equal(quorum.tally.verdict(), 'met');
});

test('so is a word that comes later', () => {
  const quorum = asked(2, 3);
  quorum.add('a', { replica: 'a1', life: 'l1', fences: [{ member: 'c', replica: 'c2', life: undefined }] }, true);
  quorum.add('c', { replica: 'c1', life: 'l1', fences: NONE }, true);
  assert.equal(quorum.tally.verdict(), 'waiting');
  quorum.fail('timeout', true);
  assert.equal(quorum.tally.verdict(), 'failed');
  assert.equal(quorum.tally.error('').details.have, 1);
});

test('the word of the replica that was filled counts', () => {
  const quorum = asked(2, 2);
  quorum.add('a', { replica: 'a1', life: 'l1', fences: [{ member: 'c', replica: 'c2', life: undefined }] }, true);
  quorum.add('c', { replica: 'c2', life: 'l2', fences: NONE }, true);
  assert.equal(quorum.tally.verdict(), 'met');
});

test('of two successors neither the first nor the second counts for both', () => {
  const quorum = asked(3, 3);
  quorum.add('c', { replica: 'c2', life: 'l2', fences: NONE }, true);
  quorum.add('a', { replica: 'a1', life: 'l1', fences: [{ member: 'c', replica: 'c2', life: undefined }] }, true);
  quorum.add('b', { replica: 'b1', life: 'l1', fences: [{ member: 'c', replica: 'c3', life: undefined }] }, true);
  assert.equal(quorum.tally.verdict(), 'failed');
});

test('so does the word of a later life, and no other life', () => {
  for (const [life, verdict] of [
    ['later', 'met'],
    ['earlier', 'waiting'],
  ] as const) {
    const quorum = asked(2, 3);
    quorum.add('a', { replica: 'a1', life: 'l', fences: [{ member: 'c', replica: 'c2', life: 'later' }] }, true);
    quorum.add('c', { replica: 'c3', life, fences: NONE }, true);
    assert.equal(quorum.tally.verdict(), verdict, life);
  }
});
