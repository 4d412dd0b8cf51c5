/** The keys of nodes in the ledger: which of them count, and for which node. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Ledger } from '../../../src/core/security/ledger.ts';
import {
  nodeKeyRecord,
  replacedKeys,
  revokedNode,
} from '../../../src/core/security/ledger-change.ts';
import { MAX_LEDGER_RECORDS } from '../../../src/core/limits.ts';
import { isSound, keyId } from '../../../src/core/security/ledger-record.ts';

const NOW = 1_800_000_000_000_000;
const CENTURY_MICROS = 100 * 366 * 86_400 * 1e6;
const [A, B, C] = ['a', 'b', 'c'].map((digit) => digit.repeat(64)) as [string, string, string];

const withKeys = (): Ledger =>
  new Ledger([nodeKeyRecord('n1', A), nodeKeyRecord('n2', B), nodeKeyRecord('n2', C)]);

test('keys of nodes count until they are revoked, and do not expire', () => {
  const ledger = withKeys();
  assert.equal(ledger.forgetOld(NOW + CENTURY_MICROS), false);
  assert.deepEqual(
    ledger.nodeKeys(),
    new Map([
      [A, 'n1'],
      [B, 'n2'],
      [C, 'n2'],
    ]),
    'a node may have two',
  );
  ledger.merge(revokedNode(ledger, 'n2', NOW), NOW);
  assert.deepEqual([...ledger.nodeKeys()], [[A, 'n1']]);
  ledger.merge(withKeys().all, NOW);
  assert.deepEqual([...ledger.nodeKeys()], [[A, 'n1']], 'an older ledger brings none back');
});

test('a node that changes its key each week for ever does not fill the ledger', () => {
  const WEEK_MICROS = 7 * 86_400 * 1e6;
  const ledger = new Ledger();
  let most = 0;
  let nowMicros = NOW;
  for (let week = 0; week < 1_200; week++, nowMicros += WEEK_MICROS) {
    const publicKey = week.toString(16).padStart(8, '0').repeat(8);
    ledger.merge([nodeKeyRecord('n1', publicKey)], nowMicros);
    ledger.merge(replacedKeys(ledger, { node: 'n1', publicKey }, nowMicros), nowMicros);
    assert.deepEqual([...ledger.nodeKeys().keys()], [publicKey]);
    ledger.forgetOld(nowMicros);
    most = Math.max(most, ledger.size);
  }
  assert.ok(7 * most <= MAX_LEDGER_RECORDS, `${most} records of one node`);
  const first = ledger.all.find(({ isRevoked }) => isRevoked) ?? assert.fail();
  const again = revokedNode(ledger, 'n1', nowMicros).find(({ id }) => id === first.id);
  assert.equal(again?.expiresMicros, first.expiresMicros, 'a second revocation lasts no longer');
});

test('a key of two nodes is a key of neither', () => {
  const ledger = new Ledger([nodeKeyRecord('n1', A), nodeKeyRecord('n2', A)]);
  assert.equal(ledger.nodeKeys().size, 0);
});

test('a node without a key cannot be revoked', () => {
  assert.throws(() => revokedNode(withKeys(), 'n9', NOW), /There is no node n9 with a key/);
});

test('a record under the id of another key is left out', () => {
  const record = nodeKeyRecord('n1', A);
  assert.ok(isSound(record));
  assert.ok(!isSound({ ...record, id: keyId(B) }));
  assert.ok(!isSound({ ...record, hash: A.slice(1) }));
  assert.ok(!isSound({ ...record, rights: [{ prefix: '', verbs: 1 }] }));
});
