/**
 * A pending owner has all its data when it is cut off. The owner that leaves does not wait for its
 * link, so it becomes an owner without knowing it. A newcomer then takes its place.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { partitionOf } from '../../src/core/placement/partition.ts';
import type { SimNode } from '../../src/sim/cluster.ts';
import { Lab, ownersAmong, stateAt } from '../fixtures/lab.ts';
import { acknowledges, isNotMissed, KINDS } from '../fixtures/strict.ts';

/** The names of the owners `a`, `b` and `c`. The last one leaves, `q` follows, and then `x`. */
interface Roles {
  readonly key: string;
  readonly x: string;
  readonly a: string;
  readonly b: string;
  readonly c: string;
  readonly q: string;
}

/** The roles of a key that fit, with one of these nodes as the newcomer. */
function rolesOf(
  all: readonly string[],
  newcomers: readonly string[],
  isFit: (roles: Roles, ownersOf: (names: readonly string[]) => string[]) => boolean,
): Roles {
  for (const x of newcomers) {
    const names = all.filter((name) => name !== x);
    for (let i = 0; i < 1000; i++) {
      const key = `k${i}`;
      const ownersOf = (list: readonly string[]): string[] =>
        ownersAmong(list)[partitionOf(key)] as string[];
      const owners = ownersOf(names);
      for (const c of owners) {
        const rest = names.filter((name) => name !== c);
        const q = ownersOf(rest).find((name) => !owners.includes(name)) as string;
        const [one, other] = owners.filter((name) => name !== c) as [string, string];
        const now = ownersOf([...rest, x]);
        if (![one, other, x].every((name) => now.includes(name))) continue;
        const both = [
          { key, x, a: one, b: other, c, q },
          { key, x, a: other, b: one, c, q },
        ];
        const roles = both.find((some) => isFit(some, ownersOf));
        if (roles !== undefined) return roles;
      }
    }
  }
  return assert.fail('no key has these roles');
}

interface Cast extends Record<'x' | 'a' | 'b' | 'c' | 'q', SimNode> {
  readonly lab: Lab;
  readonly key: string;
  readonly others: readonly SimNode[];
}

/** `q` was filled and is cut off, `c` has left, and `x` is up in the place of `q`. */
async function replaced(lab: Lab, roles: Roles): Promise<Cast> {
  const { nodes } = lab.cluster;
  const by = (id: string): SimNode => nodes.find(({ name }) => name === id) as SimNode;
  const [x, a, b, c, q] = [by(roles.x), by(roles.a), by(roles.b), by(roles.c), by(roles.q)];
  x.crash();
  const members = nodes.filter((node) => node !== x);
  await lab.until(() => members.every(({ node }) => node?.state === 'up'), 60_000);
  await lab.wait(5_000);
  c.node?.leave();
  await lab.until(() => c.node?.state === 'gone', 60_000);
  for (const other of nodes) if (other !== q) lab.cut(q, other);
  assert.equal(stateAt(q, c), 'leaving');
  await lab.wait(6_000);
  x.start();
  await lab.until(() => x.node?.state === 'up', 60_000);
  await lab.wait(3_000);
  for (const other of [b, x]) lab.cut(a, other);
  const others = nodes.filter((node) => ![x, a, b, c, q].includes(node));
  return { lab, key: roles.key, x, a, b, c, q, others };
}

for (const kind of KINDS)
  test(`a pending owner misses that it was an owner, and was replaced: a ${kind}`, async () => {
    const lab = new Lab(7);
    const names = lab.cluster.nodes.map(({ name }) => name);
    const cast = await replaced(
      lab,
      rolesOf(names, names.slice(0, 1), () => true),
    );
    const { x, a, c, q, others } = cast;
    await acknowledges(cast, x, kind);
    x.crash();
    await lab.wait(6_000);
    others[0]?.node?.remove(x.name);
    await lab.wait(3_000);
    lab.mend(q, a);
    await lab.until(() => [x, c].every((node) => stateAt(q, node) === 'gone'), 20_000);
    await lab.wait(1_000);
    await isNotMissed(cast, a, kind);
  });

test('a pending owner that was replaced is one again, and then an owner', async () => {
  const lab = new Lab(8);
  const names = lab.cluster.nodes.map(({ name }) => name);
  // Records of a whole list arrive in the order of their names: `b`, `x`, `c`.
  const roles = rolesOf(names, names.slice(1), ({ x, a, b, c, q }, ownersOf) => {
    const ownersWithout = (...gone: string[]): string[] =>
      ownersOf(names.filter((name) => !gone.includes(name)));
    const isPendingAgain = [ownersWithout(x, b, c), ownersWithout(b, c)].every((owners) =>
      owners.includes(q),
    );
    const last = ownersWithout(b, c);
    const isOrdered = b < x && x < c;
    return (
      isOrdered &&
      isPendingAgain &&
      !ownersOf(names).includes(q) &&
      [a, x, q].every((name) => last.includes(name))
    );
  });
  const cast = await replaced(lab, roles);
  const { x, a, b, c, q, others } = cast;
  await acknowledges(cast, x);
  b.node?.leave();
  await lab.wait(3_000);
  lab.mend(q, a);
  await lab.until(() => stateAt(q, x) === 'up' && stateAt(q, c) === 'gone', 20_000);
  assert.equal(stateAt(q, b), 'leaving');
  await lab.wait(1_000);
  b.crash();
  await lab.wait(6_000);
  others[0]?.node?.remove(b.name);
  await lab.until(() => [a, q].every((node) => stateAt(node, b) === 'gone'), 20_000);
  await lab.wait(1_000);
  await isNotMissed(cast, a);
});
