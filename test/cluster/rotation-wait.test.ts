/** Tests how long a change of a node's key waits for members before it answers. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { drawSecretKey, type KeyPair, keyPairOf } from '../../src/base/x25519.ts';
import { KeyRotation } from '../../src/cluster/key-rotation.ts';
import { ROTATION_WAIT_MS } from '../../src/cluster/limits.ts';
import { Ledger } from '../../src/core/security/ledger.ts';
import { nodeKeyRecord } from '../../src/core/security/ledger-change.ts';
import { ManualClock, memoryLog, nextTurn } from '../fixtures/fake-env.ts';

/** A change at n1. The member n3 is back on its disk at a time in ms. */
function rotationWith(backMs: number): { rotation: KeyRotation; clock: ManualClock } {
  const clock = new ManualClock();
  const own = keyPairOf(drawSecretKey()) as KeyPair;
  const keyring = { own, replaceOwn: (next: KeyPair) => void (keyring.own = next) };
  let kept: KeyPair | undefined;
  const rotation = new KeyRotation({
    env: { clock, log: memoryLog() },
    ledger: new Ledger([nodeKeyRecord('n1', own.publicKey)]),
    ledgerExchange: {
      nowMicros: 0,
      spread: async () => ({ have: ['n1', 'n2'], lack: clock.nowMs < backMs ? ['n3'] : [] }),
    },
    node: 'n1',
    keyring,
    files: {
      next: async () => kept,
      keepNext: async (next) => void (kept = next),
      useNext: async () => void (kept = undefined),
    },
  });
  return { rotation, clock };
}

/** Lets time pass until a promise is settled. Resolves with its value and the ms that passed. */
async function within<Value>(
  clock: ManualClock,
  promise: Promise<Value>,
): Promise<{ value: Value; ms: number }> {
  let end: Value | undefined;
  void promise.then((value) => (end = value));
  for (let i = 0; i < 1000; i++) {
    for (let turn = 0; turn < 3; turn++) await nextTurn();
    if (end !== undefined) return { value: end, ms: clock.nowMs };
    clock.advance(100);
  }
  return assert.fail('it is not settled');
}

test('the answer waits for a member that is back soon', async () => {
  const { rotation, clock } = rotationWith(2_500);
  const { value, ms } = await within(clock, rotation.rotate());
  assert.deepEqual(value, { isDone: true, waitsFor: [] });
  assert.ok(ms >= 2_500 && ms < ROTATION_WAIT_MS, String(ms));
  rotation.stop();
});

test('the answer does not wait for a member that stays away', async () => {
  const { rotation, clock } = rotationWith(Infinity);
  const { value, ms } = await within(clock, rotation.rotate());
  assert.deepEqual(value, { isDone: false, waitsFor: ['n3'] });
  assert.ok(ms >= ROTATION_WAIT_MS && ms < 2 * ROTATION_WAIT_MS, String(ms));
  rotation.stop();
});
