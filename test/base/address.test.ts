import assert from 'node:assert/strict';
import { test } from 'node:test';
import { isHost, isPort } from '../../src/base/address.ts';

const HOSTS = [
  'h',
  'localhost',
  'mec_node_1',
  'a-b.example.org',
  '127.0.0.1',
  '255.255.255.255',
  '::1',
  '::',
  'fe80::1%eth0',
  '2001:db8:0:0:0:0:0:1',
  '1:2:3:4:5:6:7::',
  '::ffff:127.0.0.1',
  '1:2:3:4:5:6:1.2.3.4',
  `${'a'.repeat(63)}.b`,
];

const NOT_HOSTS = [
  '',
  '*;;;!!',
  '*',
  'a b',
  'a..b',
  '.a',
  'a.',
  '-a',
  'a-',
  'ключ',
  'a\n',
  '256.1.1.1',
  '1.2.3',
  '1.2.3.4.5',
  '1.2.3.',
  ':',
  ':::',
  ':1',
  '1:',
  '1::2::3',
  '12345::',
  'g::',
  '1:2:3:4:5:6:7',
  '1:2:3:4:5:6:7:8:9',
  '1:2:3:4:5:6:7::8',
  '1:2:3:4:5:6:7:1.2.3.4',
  '1.2.3.4::',
  '[::1]',
  'fe80::1%',
  'a'.repeat(64),
  Array.from({ length: 130 }, () => 'a').join('.'),
];

test('names and addresses are hosts', () => {
  assert.deepEqual(
    HOSTS.filter((text) => !isHost(text)),
    [],
  );
});

test('other texts are not hosts', () => {
  assert.deepEqual(
    NOT_HOSTS.filter((text) => isHost(text)),
    [],
  );
});

test('a port is a whole number from 1 to 65535', () => {
  const numbers = [1, 65_535, 0, -1, 65_536, 70_000_000, 1.5, NaN];
  assert.deepEqual(
    numbers.filter((port) => isPort(port)),
    [1, 65_535],
  );
});
