/** The keys of nodes, as the network asks for them. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { drawSecretKey, type KeyPair, keyPairOf } from '../../src/base/x25519.ts';
import { NodeKeyring } from '../../src/cluster/node-keyring.ts';
import { Secret } from '../../src/base/secret.ts';
import { Ledger } from '../../src/core/security/ledger.ts';
import { nodeKeyRecord, revokedNode } from '../../src/core/security/ledger-change.ts';
import type { MemberRecord } from '../../src/core/placement/member-list.ts';
import { recordOf } from '../fixtures/member-record.ts';

const own = (): KeyPair => keyPairOf(drawSecretKey()) ?? assert.fail();
const [A, B, C] = ['a', 'b', 'c'].map((digit) => digit.repeat(64)) as [string, string, string];
const at = (host: string, port: number) => ({ host, port });

test('a public key follows from the secret one, and from no other text', () => {
  const secret = drawSecretKey();
  assert.equal(keyPairOf(secret)?.publicKey, keyPairOf(secret)?.publicKey);
  assert.notEqual(keyPairOf(secret)?.publicKey, own().publicKey);
  for (const text of ['', 'x'.repeat(64), secret.reveal().slice(1), `${secret.reveal()}0`])
    assert.equal(keyPairOf(new Secret(text)), undefined, text);
});

test('a keyring is empty until it is opened', () => {
  const keyring = new NodeKeyring(own());
  assert.equal(keyring.isAccepted(A), false);
  assert.deepEqual(keyring.keysAt(at('h', 1)), []);
});

test('a node is known by the member list, else by the configuration', () => {
  const ledger = new Ledger([nodeKeyRecord('n1', A), nodeKeyRecord('n2', B)]);
  const members: MemberRecord[] = [];
  const config = { nodes: [{ name: 'n1', ...at('h', 10) }, at('nameless', 10)] };
  const keyring = new NodeKeyring(own());
  keyring.open({ ledger, members: { all: () => members }, config });
  assert.deepEqual([keyring.keysAt(at('h', 10)), keyring.keysAt(at('h', 11))], [[A], [A]]);
  for (const other of [at('h', 12), at('h', 9), at('other', 10), at('nameless', 10)])
    assert.deepEqual(keyring.keysAt(other), []);
  members.push({ ...recordOf('n2'), ...at('h', 10) });
  assert.deepEqual(keyring.keysAt(at('h', 10)), [B], 'n2 has the address now');
  members[0] = { ...recordOf('n2'), ...at('h', 10), state: 'gone' };
  assert.deepEqual(keyring.keysAt(at('h', 10)), [A]);
  ledger.merge([nodeKeyRecord('n1', C)], 1);
  assert.deepEqual(keyring.keysAt(at('h', 10)), [A, C], 'n1 changes its key');
});

test('a change tells whether keys were revoked', () => {
  const ledger = new Ledger([nodeKeyRecord('n1', A)]);
  const told: boolean[] = [];
  const keyring = new NodeKeyring(own());
  keyring.open({ ledger, members: { all: () => [] }, config: { nodes: [] } });
  keyring.onChange = (areSome) => told.push(areSome);
  ledger.merge([nodeKeyRecord('n2', B)], 1);
  ledger.merge(revokedNode(ledger, 'n1', 1), 1);
  assert.deepEqual(told, [false, true]);
  assert.deepEqual([keyring.isAccepted(A), keyring.isAccepted(B)], [false, true]);
});

test('another own key is told to the sockets', () => {
  const keyring = new NodeKeyring(own());
  const next = own();
  const told: string[] = [];
  keyring.onOwnChange = () => told.push(keyring.own.publicKey);
  keyring.replaceOwn(next);
  assert.deepEqual(told, [next.publicKey]);
});
