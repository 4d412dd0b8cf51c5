/** Fences: made once for each replica that is filled, and named to writers for as long as one can wait. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { FENCE_MS, MAX_FENCES } from '../../src/base/limits.ts';
import { Fences } from '../../src/cluster/fences.ts';
import { ManualClock } from '../fixtures/fake-env.ts';

function fresh(): { clock: ManualClock; fences: Fences; made: number[]; lives: Map<string, string> } {
  const clock = new ManualClock();
  const lives = new Map<string, string>();
  const made: number[] = [];
  const members = { lifeOf: (name: string) => lives.get(name) };
  return { clock, made, lives, fences: new Fences(clock, members, (partition) => made.push(partition)) };
}

test('a fence is made once for each replica that is filled, and again for the next one', () => {
  const { fences, made } = fresh();
  for (const [member, replica] of [
    ['n2', '1.x'],
    ['n2', '1.x'],
    ['n2', '2.x'],
    ['n3', '2.x'],
  ] as const) {
    fences.make(7, member, replica);
  }
  fences.make(8, 'n2', '2.x');
  assert.deepEqual(made, [7, 7, 7, 8]);
  assert.deepEqual(fences.in(7), [
    { member: 'n2', replica: 2, life: '', later: undefined },
    { member: 'n3', replica: 2, life: '', later: undefined },
  ]);
  assert.deepEqual(fences.in(9), []);
});

test('a fence is named for longer than a write can wait, and is not made anew after that', () => {
  const { clock, fences, made } = fresh();
  fences.make(7, 'n2', '1.x');
  clock.advance(FENCE_MS);
  assert.equal(fences.in(7).length, 1);
  clock.advance(1);
  assert.deepEqual(fences.in(7), []);
  fences.make(7, 'n2', '1.x');
  assert.deepEqual(made, [7]);
});

test('a life that the member record names after the fence is a later one', () => {
  const { fences, made, lives } = fresh();
  const lifeNamed = (): string | undefined => fences.in(7)[0]?.later;
  lives.set('n2', 'before');
  fences.make(7, 'n2', '1.x');
  assert.equal(lifeNamed(), undefined);
  lives.set('n2', 'first');
  fences.make(7, 'n2', '1.x');
  assert.equal(lifeNamed(), undefined, 'it is the life of that very replica');
  lives.set('n2', 'second');
  assert.equal(lifeNamed(), 'second');
  assert.deepEqual(made, [7]);
});

test('only so many are remembered', () => {
  const { fences } = fresh();
  for (let i = 0; i <= MAX_FENCES; i++) fences.make(7, `n${i}`, '1.x');
  assert.equal(fences.in(7).length, 1);
});
