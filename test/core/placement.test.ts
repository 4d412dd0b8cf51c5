import assert from 'node:assert/strict';
import { test } from 'node:test';
import { PARTITIONS } from '../../src/base/limits.ts';
import { partitionOf } from '../../src/core/partition.ts';
import { placement, type PlacedMember } from '../../src/core/placement.ts';

const members = (n: number): PlacedMember[] =>
  Array.from({ length: n }, (_, i) => ({ id: `10.0.0.${i}:7000`, weight: 1 }));
const N = 3;

function loads(list: readonly PlacedMember[]): Map<string, number> {
  const count = new Map(list.map(({ id }) => [id, 0]));
  for (const order of placement(list)) for (const id of order.slice(0, N)) count.set(id, (count.get(id) ?? 0) + 1);
  return count;
}

test('every node computes the same placement, in whatever order it lists the members', () => {
  assert.deepEqual(placement(members(7)), placement(members(7).reverse()));
});

test('a partition names every member once', () => {
  for (const order of placement(members(5))) assert.equal(new Set(order).size, 5);
});

test('load is spread: no member of ten is far from its share', () => {
  const share = (PARTITIONS * N) / 10;
  for (const load of loads(members(10)).values())
    assert.ok(load > share * 0.6 && load < share * 1.4, `${load} of ${share}`);
});

test('a heavier member owns more', () => {
  const list = members(10).map((member, i) => ({ ...member, weight: i === 0 ? 3 : 1 }));
  const [first, ...others] = loads(list).values();
  assert.ok((first as number) > 1.7 * (others.reduce((a, b) => a + b, 0) / others.length));
});

test('a join moves partitions to the newcomer only', () => {
  const before = placement(members(6));
  const after = placement(members(7));
  const newcomer = '10.0.0.6:7000';
  for (let p = 0; p < PARTITIONS; p++) {
    const old = new Set((before[p] as string[]).slice(0, N));
    for (const id of (after[p] as string[]).slice(0, N)) assert.ok(id === newcomer || old.has(id));
  }
});

test('partitions are the top bits of xxHash64, and keys spread over all of them', () => {
  // xxHash64 of the empty input is ef46db3751d8e999: a published test vector.
  assert.equal(partitionOf(''), 0xef);
  const hit = new Set(Array.from({ length: 10_000 }, (_, i) => partitionOf(`key ${i}`)));
  assert.equal(hit.size, PARTITIONS);
});
