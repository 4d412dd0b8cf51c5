/** Tests of the judge of weights and zones in member lists. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { MemberRecord } from '../../src/core/placement/member-list.ts';
import type { SimCluster } from '../../src/sim/cluster.ts';
import { MemberJudge } from '../../src/sim/member-judge.ts';

type Row = Pick<MemberRecord, 'state' | 'generation' | 'weight'>;

/** The number of violations that the judge finds if a node has these records, one after another. */
function violationsOf(...rows: readonly Row[]): number {
  const violations: string[] = [];
  const world = { nowMs: 0 };
  const nodes = [{ name: 'n1', node: { members: [] as unknown[] } }];
  const judge = new MemberJudge({ world, nodes } as unknown as SimCluster, violations);
  for (const row of rows) {
    world.nowMs += 1_000;
    for (const { node } of nodes) node.members = [{ name: 'n2', zone: undefined, ...row }];
    judge.check();
  }
  return violations.length;
}

const up = (generation: number, weight: number): Row => ({ state: 'up', generation, weight });

test('an owner has one weight in its generation, and in those that take its place', () => {
  assert.equal(violationsOf(up(1, 1), up(1, 1), up(2, 1)), 0);
  assert.equal(violationsOf(up(1, 1), up(1, 8)), 1);
  assert.equal(violationsOf(up(1, 1), up(2, 8)), 1);
  assert.equal(violationsOf(up(1, 1), { ...up(1, 8), state: 'leaving' }), 1);
});

test('a member that joins in another generation may have another weight', () => {
  assert.equal(violationsOf(up(1, 1), { ...up(2, 8), state: 'joining' }, up(2, 8)), 0);
  assert.equal(violationsOf(up(1, 1), { ...up(2, 8), state: 'joining' }, up(2, 1), up(2, 8)), 1);
});
