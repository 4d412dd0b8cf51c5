/** The keys of nodes in the ledger: which of them count, and for which node. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Ledger } from '../../../src/core/security/ledger.ts';
import { nodeKeyRecord, revokedNode } from '../../../src/core/security/ledger-change.ts';
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
  ledger.merge(revokedNode(ledger, 'n2'), NOW);
  assert.deepEqual([...ledger.nodeKeys()], [[A, 'n1']]);
  ledger.merge(withKeys().all, NOW);
  assert.deepEqual([...ledger.nodeKeys()], [[A, 'n1']], 'an older ledger brings none back');
});

test('a key of two nodes is a key of neither', () => {
  const ledger = new Ledger([nodeKeyRecord('n1', A), nodeKeyRecord('n2', A)]);
  assert.equal(ledger.nodeKeys().size, 0);
});

test('a node without a key cannot be revoked', () => {
  assert.throws(() => revokedNode(withKeys(), 'n9'), /There is no node n9 with a key/);
});

test('a record under the id of another key is left out', () => {
  const record = nodeKeyRecord('n1', A);
  assert.ok(isSound(record));
  assert.ok(!isSound({ ...record, id: keyId(B) }));
  assert.ok(!isSound({ ...record, hash: A.slice(1) }));
  assert.ok(!isSound({ ...record, rights: [{ prefix: '', verbs: 1 }] }));
});
