/**
 * Fences: a node makes one for each replica that it helps to fill, and names it to writers as long
 * as a write may wait.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { FENCE_MS, MAX_FENCES } from '../../../src/cluster/limits.ts';
import { Fences } from '../../../src/cluster/partitions/fences.ts';
import { ManualClock } from '../../fixtures/fake-env.ts';

function fresh(): {
  clock: ManualClock;
  fences: Fences;
  made: number[];
  lives: Map<string, string>;
} {
  const clock = new ManualClock();
  const lives = new Map<string, string>();
  const made: number[] = [];
  const members = { lifeOf: (name: string) => lives.get(name) };
  return {
    clock,
    made,
    lives,
    fences: new Fences(7, { clock, members, onFence: (partition) => made.push(partition) }),
  };
}

const asker = (replica: string, life = 'first') => ({ replica, life, isComplete: false });

test('each replica that is filled has one fence', () => {
  const { fences, made, lives } = fresh();
  for (const name of ['n2', 'n3']) lives.set(name, 'first');
  for (const [member, replica] of [
    ['n2', '1.x'],
    ['n2', '1.x'],
    ['n2', '2.x'],
    ['n3', '2.x'],
  ] as const) {
    assert.equal(fences.makeFence(member, asker(replica)), member);
  }
  assert.deepEqual(made, [7, 7, 7]);
  assert.deepEqual(fences.needed, [
    { member: 'n2', replica: 2, life: 'first', later: undefined },
    { member: 'n3', replica: 2, life: 'first', later: undefined },
  ]);
});

test('a replica that is complete, or of another life than its record, is not filled', () => {
  const { fences, made, lives } = fresh();
  assert.equal(fences.makeFence('n2', asker('1.x')), undefined, 'no node knows the member');
  lives.set('n2', 'first');
  assert.equal(fences.makeFence('n2', { ...asker('1.x'), isComplete: true }), undefined);
  assert.equal(fences.makeFence('n2', asker('1.x', 'second')), undefined);
  assert.deepEqual([made, fences.needed], [[], []]);
});

test('a replica whose name has no number is not filled', () => {
  const { fences, made, lives } = fresh();
  lives.set('n2', 'first');
  for (const name of ['', '.x', '-1.x', '0.x', 'z'.repeat(200)])
    assert.equal(fences.makeFence('n2', asker(name)), undefined, name);
  assert.deepEqual([made, fences.needed], [[], []]);
});

test('a late question of an earlier replica makes no fence', () => {
  const { fences, made, lives } = fresh();
  lives.set('n2', 'first');
  fences.makeFence('n2', asker('1.x'));
  lives.set('n2', 'second');
  fences.makeFence('n2', asker('2.x', 'second'));
  assert.equal(fences.makeFence('n2', asker('1.x', 'second')), undefined, 'an earlier replica');
  assert.equal(fences.makeFence('n2', asker('3.x', 'first')), undefined, 'an earlier life');
  assert.deepEqual(fences.needed, [{ member: 'n2', replica: 2, life: 'second', later: undefined }]);
  assert.deepEqual(made, [7, 7]);
});

test('a fence is named longer than a write can wait', () => {
  const { clock, fences, made, lives } = fresh();
  lives.set('n2', 'first');
  fences.makeFence('n2', asker('1.x'));
  clock.advance(FENCE_MS);
  assert.equal(fences.needed.length, 1);
  clock.advance(1);
  assert.deepEqual(fences.needed, []);
  assert.equal(fences.makeFence('n2', asker('1.x')), 'n2');
  assert.deepEqual(made, [7]);
});

test('a new life in the member record is later than the fence', () => {
  const { fences, lives } = fresh();
  const lifeNamed = (): string | undefined => fences.needed[0]?.later;
  lives.set('n2', 'first');
  fences.makeFence('n2', asker('1.x'));
  assert.equal(lifeNamed(), undefined, 'it is the life of that very replica');
  lives.set('n2', 'second');
  assert.equal(lifeNamed(), 'second');
});

test('a fence that is still needed is kept at the limit', () => {
  const { clock, fences, lives } = fresh();
  const fill = (i: number): string | undefined => {
    lives.set(`n${i}`, 'first');
    return fences.makeFence(`n${i}`, asker('1.x'));
  };
  for (let i = 0; i < MAX_FENCES; i++) assert.equal(fill(i), `n${i}`);
  assert.equal(fill(MAX_FENCES), undefined);
  assert.equal(fences.needed.length, MAX_FENCES);
  assert.equal(fill(0), 'n0', 'a member with a fence keeps it');
  clock.advance(FENCE_MS + 1);
  assert.equal(fill(MAX_FENCES), `n${MAX_FENCES}`);
  assert.equal(fences.needed.length, 1);
});
