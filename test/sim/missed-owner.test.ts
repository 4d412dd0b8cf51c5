/**
 * An owner is down while a new node takes its place, and leaves again. When the owner is back, its
 * replica still counts as complete, because it has never heard of the change.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { partitionOf } from '../../src/core/placement/partition.ts';
import type { SimNode } from '../../src/sim/cluster.ts';
import { beforeJoin, type Lab, ownersAmong, textOf } from '../fixtures/lab.ts';
import { acknowledges, isNotMissed } from '../fixtures/strict.ts';

const COUNT = 6;

interface Roles {
  readonly key: string;
  /** The owners of the key. */
  readonly a: string;
  readonly b: string;
  /** The owner that is down; `x` takes its place. */
  readonly p: string;
}

/** A key of which `x` replaces one owner, so that `a` needs no data that only `b` and `p` have. */
function rolesOf(names: readonly string[], x: string): Roles {
  const [before, after] = [ownersAmong(names), ownersAmong([...names, x])];
  for (let i = 0; ; i++) {
    const key = `k${i}`;
    const partition = partitionOf(key);
    const [old, next] = [before[partition] as string[], after[partition] as string[]];
    const replaced = old.filter((name) => !next.includes(name));
    if (!next.includes(x) || replaced.length !== 1) continue;
    const [p = ''] = replaced;
    const [one = '', two = ''] = old.filter((name) => name !== p);
    for (const [a, b] of [
      [one, two],
      [two, one],
    ] as const) {
      // When `x` leaves, `a` takes partitions over. It needs two owners, and cannot reach `b` and
      // `p`.
      const isStuck = after.some(
        (owners, q) =>
          before[q]?.includes(a) === true &&
          !owners.includes(a) &&
          owners.filter((name) => name !== b && name !== p).length < 2,
      );
      if (!isStuck) return { key, a, b, p };
    }
  }
}

for (const [kind, isForced] of [
  ['lock', false],
  ['write', false],
  ['lock', true],
  ['write', true],
] as const) {
  const end = isForced ? 'was declared gone' : 'left';
  test(`a ${kind}: an owner was down while another joined and ${end}`, async () => {
    const { lab, members, newcomer: x, by } = await beforeJoin(COUNT);
    const roles = rolesOf(
      members.map(({ name }) => name),
      x.name,
    );
    const { key } = roles;
    const [a, b, p] = [by(roles.a), by(roles.b), by(roles.p)];
    p.crash();
    await lab.wait(6_000);
    x.start();
    await lab.until(() => x.node?.state === 'up', 60_000);
    assert.equal(x.node?.state, 'up');
    await lab.wait(3_000);
    // Two racks lose the link between them. All other nodes reach both.
    for (const one of [a, x]) for (const other of [b, p]) lab.cut(one, other);
    // While they take `b` for reachable, no fallback acts for it.
    if (kind === 'lock') await lab.wait(6_000);
    await acknowledges({ lab, key }, a, kind);
    if (isForced) {
      x.crash();
      await lab.wait(6_000);
      members.find((node) => ![a, b, p].includes(node))?.node?.remove(x.name);
    } else {
      x.node?.leave();
      // Without a rule that makes it wait for `p`, it is gone after a second.
      await lab.wait(20_000);
      assert.equal(x.node?.state, 'leaving');
    }
    await lab.wait(2_000);
    p.start();
    await lab.wait(10_000);
    await isNotMissed({ lab, key }, b, kind);
    await healed(lab, x);
  });
}

/**
 * A key with the owners `a`, `b` and `p`, of which `x` replaces `p`. If `b` ends then, `p` is an
 * owner again.
 */
function rolesOfReturn(names: readonly string[], x: string): Roles {
  const [before, after] = [ownersAmong(names), ownersAmong([...names, x])];
  for (let i = 0; ; i++) {
    const key = `k${i}`;
    const partition = partitionOf(key);
    const [old, next] = [before[partition] as string[], after[partition] as string[]];
    const [p = '', ...others] = old.filter((name) => !next.includes(name));
    if (!next.includes(x) || p === '' || others.length > 0) continue;
    for (const b of old.filter((name) => name !== p)) {
      const last = ownersAmong([...names, x].filter((name) => name !== b))[partition] as string[];
      const a = old.find((name) => name !== b && name !== p) as string;
      if ([a, p, x].every((name) => last.includes(name))) return { key, a, b, p };
    }
  }
}

test('an owner that was replaced hears first that another owner ended', async () => {
  const { lab, members, newcomer: x, by } = await beforeJoin(COUNT);
  const { key, ...roles } = rolesOfReturn(
    members.map(({ name }) => name),
    x.name,
  );
  const [a, b, p] = [by(roles.a), by(roles.b), by(roles.p)];
  p.crash();
  await lab.wait(6_000);
  x.start();
  await lab.until(() => x.node?.state === 'up', 60_000);
  await lab.wait(3_000);
  for (const other of [b, x]) lab.cut(a, other);
  await acknowledges({ lab, key }, x);
  b.crash();
  await lab.wait(6_000);
  members.find((node) => ![a, b, p].includes(node))?.node?.remove(b.name);
  await lab.wait(5_000);
  // Now it is an owner again, as it was by the list on its disk.
  lab.cut(p, x);
  p.start();
  await lab.wait(10_000);
  const strict = { query: 'r=quorum&pr=quorum' };
  const read = await lab.ask(a, 'GET', key, strict);
  assert.equal(read.status, 503, `acknowledged, then ${read.status}`);
  lab.heal();
  await lab.until(() => p.node?.status().sync.incomplete === 0, 60_000);
  assert.equal(textOf(await lab.ask(a, 'GET', key, strict)), 'first');
  assert.equal(textOf(await lab.ask(p, 'GET', key, strict)), 'first');
});

/** With all links, the node leaves, and the owners agree. */
async function healed(lab: Lab, x: SimNode): Promise<void> {
  lab.heal();
  x.start();
  await lab.until(() => x.hasLeft, 120_000);
  assert.ok(x.hasLeft, lab.cluster.describeUnrest());
  await lab.rest();
}
