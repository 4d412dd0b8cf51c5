/** A node is dialled with the key that counts, and again after it has refused this node. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Dialling } from '../../src/transport/dialling.ts';
import { MAX_REDIAL_MS, MIN_REDIAL_MS } from '../../src/transport/limits.ts';
import { ManualClock, seededRandom } from '../fixtures/fake-env.ts';

function dialling(first: string | undefined) {
  const clock = new ManualClock();
  const calls: string[] = [];
  const state = { key: first };
  const made = new Dialling({
    clock,
    random: seededRandom(1),
    key: () => state.key,
    dial: (key) => calls.push(`dial ${key}`),
    hangUp: () => calls.push('hang up'),
  });
  return { clock, calls, state, made };
}

test('a node is dialled as soon as its key is known', () => {
  const { clock, calls, state } = dialling(undefined);
  clock.advance(1_000);
  assert.deepEqual(calls, []);
  state.key = 'a';
  clock.advance(MAX_REDIAL_MS);
  assert.deepEqual(calls, ['dial a']);
});

test('a node that refuses is dialled again, less and less often', () => {
  const { clock, calls, made } = dialling('a');
  const pauses = Array.from({ length: 12 }, () => {
    made.onRefused();
    assert.equal(calls.at(-1), 'hang up');
    let pauseMs = 0;
    while (calls.at(-1) !== 'dial a') {
      clock.advance(10);
      pauseMs += 10;
    }
    return pauseMs;
  });
  const [first = 0] = pauses;
  assert.ok(first >= MIN_REDIAL_MS / 2 && first <= MIN_REDIAL_MS + 10, `${first}`);
  const last = pauses.slice(-4);
  assert.ok(
    last.every((ms) => ms >= MAX_REDIAL_MS / 2 && ms <= MAX_REDIAL_MS + 10),
    pauses.join(' '),
  );
  made.onAccepted();
  made.onRefused();
  clock.advance(MIN_REDIAL_MS + 10);
  assert.equal(calls.at(-1), 'dial a', 'a success makes the next pause short again');
});

test('a node with a new key is dialled with that key, and only once', () => {
  const { calls, state, made } = dialling('a');
  made.check();
  state.key = 'b';
  made.check();
  made.check();
  assert.deepEqual(calls, ['dial a', 'hang up', 'dial b']);
});

test('a closed connection is not dialled', () => {
  const { clock, calls, state, made } = dialling('a');
  made.onRefused();
  made.close();
  state.key = 'b';
  made.check();
  clock.advance(MAX_REDIAL_MS);
  assert.deepEqual(calls, ['dial a', 'hang up']);
});
