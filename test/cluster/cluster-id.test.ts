/** Tests of the marks that tell one cluster from another. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ClusterId } from '../../src/cluster/membership/cluster-id.ts';
import { MAX_CLUSTER_MARKS } from '../../src/transport/limits.ts';

const marksOf = (letter: string, count = MAX_CLUSTER_MARKS): string[] =>
  Array.from({ length: count }, (_, i) => letter + String(i).padStart(2, '0'));

const memberWith = (kept: readonly string[]): ClusterId =>
  new ClusterId({ kept, isTaken: false, isLost: false, life: 'life' });

test('a member adds the marks of others, and keeps a mark that the other members know', () => {
  const own = memberWith(marksOf('b', 2));
  own.add(['b00', 'c00']);
  assert.deepEqual(own.marks, ['b00', 'b01', 'c00']);
  own.add(marksOf('a'));
  assert.deepEqual(own.marks, ['b00', 'b01', 'c00']);
  const newcomer = new ClusterId({ kept: undefined, isTaken: false, isLost: false, life: 'z' });
  newcomer.add(marksOf('a'));
  assert.deepEqual(newcomer.marks, marksOf('a'));
});

test('two clusters can be one if marks of both remain', () => {
  assert.ok(memberWith(['b00']).canAdd(marksOf('a', MAX_CLUSTER_MARKS - 1)));
  assert.ok(!memberWith(['b00']).canAdd(marksOf('a')));
  assert.ok(!memberWith(marksOf('a')).canAdd(['b00']));
});
