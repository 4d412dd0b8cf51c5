/**
 * A pending owner has all its data when it is cut off, with one of the owners. The others have a
 * majority of the owners, by the one that leaves. They let a newcomer take the place of the pending
 * owner, which never hears of it. Then the leaving node dies, and is declared gone.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { partitionOf } from '../../src/core/placement/partition.ts';
import { placement } from '../../src/core/placement/placement.ts';
import type { SimNode } from '../../src/sim/cluster.ts';
import { Lab, stateAt } from '../fixtures/lab.ts';
import { acknowledges, isNotMissed, KINDS } from '../fixtures/strict.ts';

/** A node of this weight owns few partitions, so its change goes on without two of the others. */
const LIGHT = 0.1;

/** The owners of a key: `a`, `b` and `c`. The last one leaves, `q` follows, and then `x`. */
interface Cast extends Record<'a' | 'b' | 'c' | 'q' | 'x', string> {
  readonly key: string;
}

/** The roles of a key, if `c` leaves and `x` joins; undefined if no key fits. */
function castWith(names: readonly string[], c: string, x: string): Cast | undefined {
  const ownersWithout = (...out: string[]): string[][] => {
    const members = names.filter((name) => !out.includes(name));
    const placed = members.map((id) => ({ id, weight: [c, x].includes(id) ? LIGHT : 1 }));
    return placement(placed, 3).map((order) => order.slice(0, 3));
  };
  const [now, soon, last] = [ownersWithout(x), ownersWithout(c, x), ownersWithout(c)];
  for (let i = 0; i < 1_000; i++) {
    const key = `k${i}`;
    const [owners = [], next = [], after = []] = [now, soon, last].map(
      (all) => all[partitionOf(key)],
    );
    const [q] = next.filter((name) => !owners.includes(name));
    const staying = owners.filter((name) => name !== c);
    const isTaken = q !== undefined && after.includes(x) && !after.includes(q);
    const doStay = staying.length === 2 && staying.every((name) => after.includes(name));
    if (!isTaken || !doStay) continue;
    // A change needs a majority of the owners of each partition, without `a` and `q`.
    const mayChange = (a: string): boolean =>
      now.every((set, partition) => {
        const isSame = set.every((name) => last[partition]?.includes(name));
        return isSame || !(set.includes(a) && set.includes(q));
      });
    const a = staying.find(mayChange);
    const b = staying.find((name) => name !== a);
    if (a !== undefined && b !== undefined) return { key, a, b, c, q, x };
  }
  return undefined;
}

function castAmong(names: readonly string[]): Cast {
  for (const c of names)
    for (const x of names) {
      const cast = c === x ? undefined : castWith(names, c, x);
      if (cast !== undefined) return cast;
    }
  return assert.fail('no key has these roles');
}

const NAMES = Array.from({ length: 9 }, (_, i) => `n${i + 1}`);
const CAST = castAmong(NAMES);

for (const kind of KINDS)
  test(`a pending owner has never heard of the newcomer that took its place: a ${kind}`, async () => {
    const lab = new Lab(NAMES.length);
    const { nodes } = lab.cluster;
    const { key, ...cast } = CAST;
    const by = (id: string): SimNode => nodes.find(({ name }) => name === id) as SimNode;
    const [a, c, q, x] = [by(cast.a), by(cast.c), by(cast.q), by(cast.x)];
    const members = nodes.filter((node) => node !== x);
    for (const node of nodes) node.crash();
    for (const node of [c, x]) node.configured = { weight: LIGHT };
    for (const node of members) node.start();
    await lab.until(() => members.every(({ node }) => node?.state === 'up'), 60_000);
    await lab.wait(5_000);
    c.node?.leave();
    const isFilled = (): boolean => q.node?.status().sync.incomplete === 0;
    await lab.until(() => stateAt(q, c) === 'leaving' && isFilled());
    const side = [a, q];
    for (const one of side)
      for (const other of nodes) if (!side.includes(other)) lab.cut(one, other);
    await lab.wait(6_000);
    x.start();
    await lab.until(() => x.node?.state === 'up', 60_000);
    await lab.wait(3_000);
    for (const node of side)
      assert.deepEqual([stateAt(node, c), stateAt(node, x)], ['leaving', undefined]);
    await acknowledges({ lab, key }, by(cast.b), kind);
    c.crash();
    await lab.wait(6_000);
    a.node?.remove(c.name);
    await lab.wait(3_000);
    await isNotMissed({ lab, key }, a, kind);
    lab.heal();
    c.hasLeft = true;
    await lab.rest();
    await isNotMissed({ lab, key }, a, kind);
  });
