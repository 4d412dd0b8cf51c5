import assert from 'node:assert/strict';
import { test } from 'node:test';
import { toZ85 } from '../../src/transport/z85.ts';

test('bytes become the text of RFC 32', () => {
  assert.equal(toZ85(Buffer.from('864fd26fb559f75b', 'hex')), 'HelloWorld');
  assert.equal(toZ85(new Uint8Array(4)), '00000');
  assert.equal(toZ85(new Uint8Array(4).fill(255)), '%nSc0');
  assert.equal(toZ85(new Uint8Array()), '');
});

test('a view on other bytes becomes the text of its own', () => {
  const bytes = Buffer.from('00000000864fd26fb559f75b', 'hex');
  assert.equal(toZ85(bytes.subarray(4)), 'HelloWorld');
});
