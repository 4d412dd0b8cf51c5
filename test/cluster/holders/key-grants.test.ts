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

const OWNERS = [0, 700, 1_400];
const STEP_MS = 10;

/**
 * How long a coordinator asks three owners for a key before a majority grants it, or undefined if
 * none does in a minute. Another coordinator asks all the time, and neither stores nor releases.
 */
function msUntilMajority({ isBroken }: { readonly isBroken: boolean }): number | undefined {
  const clock = new ManualClock();
  const ground = { replica: { partition: 7 }, view: {} };
  const owners = OWNERS.map((startMs) => ({ startMs, grants: new KeyGrants(clock, 'life') }));
  let ballots = 0;
  let ballot = '';
  for (; clock.nowMs < 60_000; clock.advance(STEP_MS)) {
    for (const { startMs, grants } of isBroken ? owners : []) {
      if (clock.nowMs >= startMs) grants.grant(ground, KEY, `broken/${ballots++}`);
    }
    if (clock.nowMs < GRANT_MS || clock.nowMs % 100 !== 0) continue;
    for (const { grants } of owners) grants.release(7, KEY, ballot);
    ballot = `n1~one/${ballots++}`;
    const granted = owners.filter(({ grants }) => grants.grant(ground, KEY, ballot) !== undefined);
    if (granted.length >= 2) return clock.nowMs - GRANT_MS;
  }
  return undefined;
}

test('a coordinator that lets its grants expire cannot keep a key from others', () => {
  assert.equal(msUntilMajority({ isBroken: false }), 0);
  const ms = msUntilMajority({ isBroken: true });
  assert.ok(ms !== undefined && ms <= 2 * GRANT_MS, `${ms}`);
});

test('a coordinator without rivals gets a key again as soon as its grant has expired', () => {
  const { clock, grants, ground } = fresh();
  for (let i = 0; i < 5; i++) {
    assert.notEqual(grants.grant(ground, KEY, `n1~one/${i}`), undefined);
    clock.advance(GRANT_MS);
  }
});

test('a coordinator yields only as long as a rival asks', () => {
  const { clock, grants, ground } = fresh();
  grants.grant(ground, KEY, 'slow/1');
  assert.equal(grants.grant(ground, KEY, 'rival/1'), undefined);
  clock.advance(GRANT_MS - 1);
  clock.advance(1);
  assert.notEqual(grants.grant(ground, KEY, 'rival/2'), undefined);
  grants.release(7, KEY, 'rival/2');
  assert.equal(grants.grant(ground, KEY, 'slow/2'), undefined);
  clock.advance(GRANT_MS);
  assert.notEqual(grants.grant(ground, KEY, 'slow/3'), undefined);
});
