import assert from 'node:assert/strict';
import { test } from 'node:test';
import { PARTITIONS, PLACEMENT_CAP } from '../../src/core/limits.ts';
import { partitionOf } from '../../src/core/placement/partition.ts';
import { placement, type PlacedMember } from '../../src/core/placement/placement.ts';

const N = 3;

const members = (n: number, zones = 0): PlacedMember[] =>
  Array.from({ length: n }, (_, i) => ({
    id: `node-${i}`,
    weight: 1,
    zone: zones === 0 ? undefined : `rack-${i % zones}`,
  }));

function owners(list: readonly PlacedMember[]): string[][] {
  return placement(list, N).map((order) => order.slice(0, Math.min(N, list.length)));
}

function loads(list: readonly PlacedMember[]): Map<string, number> {
  const count = new Map(list.map(({ id }) => [id, 0]));
  for (const own of owners(list)) for (const id of own) count.set(id, (count.get(id) ?? 0) + 1);
  return count;
}

/** The number of replicas to copy, as a multiple of the new member's fair share. */
function moved(before: readonly PlacedMember[], after: readonly PlacedMember[]): number {
  const old = owners(before);
  const copied = owners(after).flatMap((own, p) =>
    own.filter((id) => old[p]?.includes(id) !== true),
  ).length;
  return copied / ((PARTITIONS * N) / after.length);
}

test('the placement does not depend on the order of the members', () => {
  assert.deepEqual(placement(members(7), N), placement(members(7).reverse(), N));
});

test('the preference list of a partition has every member once', () => {
  for (const order of placement(members(5), N)) assert.equal(new Set(order).size, 5);
});

test('fewer members than replicas all own every partition', () => {
  for (const own of owners(members(2))) assert.equal(own.length, 2);
  assert.deepEqual(new Set(placement([], N).map(({ length }) => length)), new Set([0]));
});

test('with 3 to 100 members, none owns more than 1.05 times its share, rounded up', () => {
  for (let n = 3; n <= 100; n++) {
    const share = (PARTITIONS * N) / n;
    const most = Math.max(...loads(members(n)).values());
    assert.ok(
      most <= Math.max(Math.ceil(share), PLACEMENT_CAP * share),
      `${n} members: ${most}, share ${share}`,
    );
  }
});

test("a join copies at most 1.3 times the new member's share in clusters of up to 16", () => {
  for (let n = 3; n < 16; n++) {
    const times = moved(members(n), members(n + 1));
    assert.ok(times <= 1.3, `${n} members and one more: ${times}`);
  }
});

test('a member owns partitions in proportion to its weight', () => {
  const list = members(10).map((member, i) => ({ ...member, weight: i === 0 ? 3 : 1 }));
  const [first, ...others] = loads(list).values();
  const mean = others.reduce((a, b) => a + b, 0) / others.length;
  assert.ok(
    (first as number) > 2.3 * mean && (first as number) < 3.4 * mean,
    `${first} and ${mean}`,
  );
});

test('no two owners share a zone if there are enough zones', () => {
  for (const [n, zones] of [
    [6, 3],
    [7, 3],
    [10, 5],
    [9, 4],
  ] as const) {
    const list = members(n, zones);
    const zoneOf = new Map(list.map(({ id, zone }) => [id, zone]));
    for (const own of owners(list))
      assert.equal(new Set(own.map((id) => zoneOf.get(id))).size, N, `${n} in ${zones}`);
  }
});

test('every zone has an owner if there are fewer zones than owners', () => {
  const list = members(10, 2);
  const zoneOf = new Map(list.map(({ id, zone }) => [id, zone]));
  for (const own of owners(list)) assert.equal(new Set(own.map((id) => zoneOf.get(id))).size, 2);
});

test('a zone with one member among larger zones owns every partition', () => {
  const list = members(7).map((member, i) => ({
    ...member,
    zone: i === 0 ? 'small' : i % 2 === 0 ? 'even' : 'odd',
  }));
  assert.equal(loads(list).get('node-0'), PARTITIONS);
});

test('partitionOf is the top byte of xxHash64, and keys reach every partition', () => {
  // xxHash64 of the empty input is ef46db3751d8e999, a published test vector.
  assert.equal(partitionOf(''), 0xef);
  const hit = new Set(Array.from({ length: 10_000 }, (_, i) => partitionOf(`key ${i}`)));
  assert.equal(hit.size, PARTITIONS);
});
