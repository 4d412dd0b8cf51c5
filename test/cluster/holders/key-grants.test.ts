/** Key grants: a number is current until one of the events that end it, and never again. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { GRANT_MS, MAX_GRANTS } from '../../../src/cluster/limits.ts';
import { type Ground, KeyGrants } from '../../../src/cluster/holders/key-grants.ts';
import { ManualClock } from '../../fixtures/fake-env.ts';

const KEY = 'k';

function fresh(life = 'life1'): { clock: ManualClock; grants: KeyGrants; ground: Ground } {
  const clock = new ManualClock();
  const ground = { replica: { partition: 7 }, view: { name: 'a b c' } };
  return { clock, grants: new KeyGrants(clock, life), ground };
}

/** The events that end a number, besides its own store. */
const ENDS: Readonly<Record<string, (node: ReturnType<typeof fresh>) => Ground>> = {
  'a release': ({ grants, ground }) => {
    grants.release(7, KEY, 'one');
    return ground;
  },
  'another grant, after it has expired': ({ clock, grants, ground }) => {
    clock.advance(GRANT_MS);
    assert.notEqual(grants.grant(ground, KEY, 'two'), undefined);
    return ground;
  },
  'a fence': ({ grants, ground }) => {
    grants.endAll(7);
    return ground;
  },
  'another replica in its place': ({ ground }) => ({ ...ground, replica: { partition: 7 } }),
  'other owners': ({ ground }) => ({ ...ground, view: { name: 'a b d' } }),
  'the same owners again, after others': ({ ground }) => ({ ...ground, view: { name: 'a b c' } }),
};

for (const [name, end] of Object.entries(ENDS)) {
  test(`${name} ends a number`, () => {
    const node = fresh();
    const number = node.grants.grant(node.ground, KEY, 'one') ?? '';
    assert.equal(node.grants.take(end(node), KEY, number), false);
    assert.equal(node.grants.take(node.ground, KEY, number), false, 'for good');
  });
}

test('a store uses its number once, even if late, and frees the key', () => {
  const { clock, grants, ground } = fresh();
  const number = grants.grant(ground, KEY, 'one') ?? '';
  assert.equal(grants.grant(ground, KEY, 'two'), undefined, 'another has the key');
  assert.equal(
    grants.grant(ground, KEY, 'one'),
    undefined,
    'its own request, doubled, leaves the number as it is',
  );
  clock.advance(10 * GRANT_MS);
  assert.equal(grants.take(ground, KEY, number), true, 'time alone ends nothing');
  assert.equal(grants.take(ground, KEY, number), false);
  assert.notEqual(grants.grant(ground, KEY, 'two'), undefined);
});

test('no number is used twice', () => {
  const one = fresh();
  const other = fresh('life2');
  const numbers = [one, other, one, other].map(({ grants, ground }, i) =>
    grants.grant(ground, `k${i}`, 'one'),
  );
  assert.equal(new Set(numbers).size, 4);
  const { grants, ground } = one;
  const first = grants.grant(ground, KEY, 'one') ?? '';
  grants.release(7, KEY, 'one');
  const second = grants.grant(ground, KEY, 'one') ?? '';
  assert.equal(grants.take(ground, KEY, first), false);
  assert.equal(grants.take(ground, KEY, second), true);
});

test('a release of another ballot does not free the key', () => {
  const { grants, ground } = fresh();
  const number = grants.grant(ground, KEY, 'one') ?? '';
  grants.release(7, KEY, 'two');
  grants.release(8, KEY, 'one');
  assert.equal(grants.take(ground, KEY, number), true);
});

test('expired grants make room when the limit is reached', () => {
  const { clock, grants, ground } = fresh();
  for (let i = 0; i < MAX_GRANTS; i++) grants.grant(ground, `k${i}`, 'one');
  assert.throws(() => grants.grant(ground, 'one more', 'one'), { code: 'overloaded' });
  grants.release(7, 'k0', 'one');
  assert.notEqual(grants.grant(ground, 'one more', 'one'), undefined);
  clock.advance(GRANT_MS);
  assert.notEqual(grants.grant(ground, 'and another', 'one'), undefined);
});
