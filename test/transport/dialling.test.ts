/** A node is dialled with the key that counts, and again after it has refused this node. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Dialling } from '../../src/transport/dialling.ts';
import { MAX_REDIAL_MS, MIN_REDIAL_MS, TRY_KEY_MS } from '../../src/transport/limits.ts';
import { ManualClock, seededRandom } from '../fixtures/fake-env.ts';

function dialling(...first: readonly string[]) {
  const clock = new ManualClock();
  const calls: string[] = [];
  const state = { keys: first };
  const made = new Dialling({
    clock,
    random: seededRandom(1),
    keys: () => state.keys,
    dial: (key) => calls.push(`dial ${key}`),
    hangUp: () => calls.push('hang up'),
  });
  return { clock, calls, state, made };
}

test('a node is dialled as soon as its key is known', () => {
  const { clock, calls, state } = dialling();
  clock.advance(1_000);
  assert.deepEqual(calls, []);
  state.keys = ['a'];
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
  state.keys = ['b'];
  made.check();
  made.check();
  assert.deepEqual(calls, ['dial a', 'hang up', 'dial b']);
});

test('a closed connection is not dialled', () => {
  const { clock, calls, state, made } = dialling('a');
  made.onRefused();
  made.close();
  state.keys = ['b'];
  made.check();
  clock.advance(MAX_REDIAL_MS);
  assert.deepEqual(calls, ['dial a', 'hang up']);
});

test('the keys of a node are tried in turn, until one makes a connection', () => {
  const { clock, calls, made } = dialling('a', 'b');
  for (let i = 0; i < 2; i++) clock.advance(TRY_KEY_MS);
  assert.deepEqual(calls, ['dial a', 'hang up', 'dial b', 'hang up', 'dial a']);
  made.onAccepted();
  clock.advance(10 * TRY_KEY_MS);
  assert.equal(calls.length, 5);
  made.onLost();
  clock.advance(TRY_KEY_MS);
  assert.deepEqual(calls.slice(5), ['hang up', 'dial b']);
});

test('a connection with the first key goes on while a second one counts', () => {
  const { clock, calls, state, made } = dialling('a');
  made.onAccepted();
  state.keys = ['b', 'a'];
  made.check();
  clock.advance(10 * TRY_KEY_MS);
  assert.deepEqual(calls, ['dial a']);
  state.keys = ['b'];
  made.check();
  assert.deepEqual(calls, ['dial a', 'hang up', 'dial b']);
});

test('a call with the only key has no limit, until there is a second key', () => {
  const { clock, calls, state, made } = dialling('a');
  clock.advance(10 * TRY_KEY_MS);
  assert.deepEqual(calls, ['dial a']);
  state.keys = ['a', 'b'];
  made.check();
  clock.advance(TRY_KEY_MS);
  assert.deepEqual(calls, ['dial a', 'hang up', 'dial b']);
});

test('a node with another own key dials the same key again', () => {
  const { calls, made } = dialling('a', 'b');
  made.redial();
  assert.deepEqual(calls, ['dial a', 'hang up', 'dial a']);
});
