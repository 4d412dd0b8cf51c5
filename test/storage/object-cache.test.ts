import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ObjectCache } from '../../src/storage/object-cache.ts';

const RECORD_BYTES = 700;
/** The bytes of an entry with its record. */
const ENTRY_BYTES = 1_000;

const versionsOf = (n: number): { actor: string; counter: number; body: Uint8Array }[] => [
  { actor: 'n1~a', counter: n, body: new Uint8Array() },
];

function keptOf(cache: ObjectCache, count: number): number[] {
  return Array.from({ length: count }, (_, i) => i).filter(
    (i) => cache.get(`row${i}`)?.[0]?.counter === i,
  );
}

test('a cached object is returned until its row is written', () => {
  const cache = new ObjectCache(100 * ENTRY_BYTES);
  cache.add('row1', versionsOf(1), RECORD_BYTES);
  assert.equal(cache.get('row1')?.[0]?.counter, 1);
  cache.drop('row1');
  assert.equal(cache.get('row1'), undefined);
  cache.add('row2', versionsOf(2), RECORD_BYTES);
  cache.clear();
  assert.equal(cache.get('row2'), undefined);
});

test('the cache keeps the objects that were read last, within its bytes', () => {
  const capacity = 100;
  const cache = new ObjectCache(capacity * ENTRY_BYTES);
  for (let i = 0; i < 1_000; i++) {
    cache.add(`row${i}`, versionsOf(i), RECORD_BYTES);
    assert.equal(cache.get('row0')?.[0]?.counter, 0, 'read again and again, it stays');
  }
  const kept = keptOf(cache, 1_000);
  assert.ok(kept.length >= capacity / 2 && kept.length <= capacity + 2, `${kept.length}`);
  assert.ok((kept[1] ?? 0) >= 1_000 - capacity - 2, 'the newest');
});

test('an object that would displace many others is not cached', () => {
  const cache = new ObjectCache(64 * ENTRY_BYTES);
  cache.add('large', versionsOf(1), 10 * ENTRY_BYTES);
  assert.equal(cache.get('large'), undefined);
});

test('a row that is written makes room for another', () => {
  const cache = new ObjectCache(64 * ENTRY_BYTES);
  for (let i = 0; i < 20; i++) {
    cache.add('row0', versionsOf(0), RECORD_BYTES);
    cache.drop('row0');
  }
  for (let i = 0; i < 64; i++) cache.add(`row${i}`, versionsOf(i), RECORD_BYTES);
  // The first half is in the old generation by now.
  cache.drop('row1');
  assert.equal(cache.get('row1'), undefined);
  assert.equal(cache.get('row5')?.[0]?.counter, 5);
});
