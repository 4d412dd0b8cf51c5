/** Keys with the same partition. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { hashTagOf, partitionOf, partitionsWith } from '../../src/core/placement/partition.ts';
import { PARTITIONS } from '../../src/core/limits.ts';

test('hashTagOf returns the text between the first { and the next }', () => {
  for (const [key, tag] of [
    ['{ann}/cart', 'ann'],
    ['cart/{ann}', 'ann'],
    ['{ann}{bob}', 'ann'],
    ['{{ann}}', '{ann'],
    ['{}/cart', undefined],
    ['{}{ann}', undefined],
    ['}{ann', undefined],
    ['{ann', undefined],
    ['ann}', undefined],
    ['', undefined],
  ] as const) {
    assert.equal(hashTagOf(key), tag, key);
  }
});

test('keys with the same tag have the same partition, wherever the tag is', () => {
  const text = fc.string({ unit: 'grapheme' }).filter((part) => !/[{}]/.test(part));
  fc.assert(
    fc.property(
      text,
      fc.string({ unit: 'grapheme' }),
      text.filter((tag) => tag !== ''),
      (before, after, tag) => {
        assert.equal(partitionOf(`${before}{${tag}}${after}`), partitionOf(tag));
      },
    ),
  );
});

test('partitionsWith returns one partition for a prefix with a tag, else all', () => {
  assert.deepEqual(partitionsWith('{ann}/'), [partitionOf('{ann}/cart')]);
  for (const prefix of ['', 'ann', '{ann', '{}'])
    assert.equal(partitionsWith(prefix).length, PARTITIONS, prefix);
});
