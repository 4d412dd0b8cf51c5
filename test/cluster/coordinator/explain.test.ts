/** The location of a key on fake holders: the members that are asked, and their statements. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { MecError } from '../../../src/base/errors.ts';
import { type KeyLocation, locate } from '../../../src/cluster/coordinator/explain.ts';
import { LOCATE_TIMEOUT_MS } from '../../../src/cluster/limits.ts';
import type { Reach } from '../../../src/core/placement/detector.ts';
import type { Role } from '../../../src/core/quorum/owner-quorum.ts';
import {
  FakeCluster,
  objectOf,
  outcomeOf,
  PARTITION,
  stateOf,
} from '../../fixtures/fake-holders.ts';

const A = { actor: 'n1~one', counter: 1 };
const B = { actor: 'n2~one', counter: 1 };

const ROLES: readonly (readonly [Role, readonly string[]])[] = [
  ['owner', ['n1', 'n2']],
  ['pending owner', ['n3']],
  ['fallback', ['n4']],
];

/** Four members of which each has a state of the key. */
function clusterOf(): FakeCluster {
  const cluster = new FakeCluster();
  cluster.reached = [cluster.n2, cluster.n3, cluster.n4];
  for (const holder of cluster.members) holder.state = stateOf(objectOf([A], [B]), false);
  return cluster;
}

/** Locates the key; peers without an entry in `reaches` can be reached. */
function start(
  cluster: FakeCluster,
  reaches: Readonly<Record<string, Reach>> = {},
): Promise<KeyLocation> {
  const holders = {
    ...cluster.holders,
    rolesOf: () => ROLES,
    reachOf: (id: string) => (id === 'n1' ? 'itself' : (reaches[id] ?? 'reachable')),
  };
  return locate({ holders }, 'k');
}

/** The members without a statement. */
const silent = ({ entries }: KeyLocation): string[] =>
  entries.filter(({ says }) => says === undefined).map(({ node }) => node);

test('a location names the members in the order of their roles, with their reach', async () => {
  const { partition, entries } = await start(clusterOf(), { n2: 'suspect', n4: 'unreachable' });
  assert.equal(partition, PARTITION);
  assert.deepEqual(
    entries.map(({ node, role, reach }) => [node, role, reach]),
    [
      ['n1', 'owner', 'itself'],
      ['n2', 'owner', 'suspect'],
      ['n3', 'pending owner', 'reachable'],
      ['n4', 'fallback', 'unreachable'],
    ],
  );
});

test('a statement has the dots of the versions without their values, and the clock', async () => {
  const { entries } = await start(clusterOf());
  const clock = '{n1~one:1 n2~one:1}';
  for (const { says } of entries)
    assert.deepEqual(says, { isComplete: false, actor: 'x~life', clock, versions: [A] });
});

test('all members are asked at once, each for the key, for a short time', async () => {
  const cluster = clusterOf();
  for (const holder of cluster.members) holder.state = undefined;
  assert.equal(await outcomeOf(start(cluster)), 'waiting');
  for (const { reads } of cluster.members)
    assert.deepEqual(
      reads.map(({ request }) => request),
      [{ partition: PARTITION, key: 'k', have: [], timeoutMs: LOCATE_TIMEOUT_MS }],
    );
});

test('a member that cannot be reached is not asked, and a suspect is', async () => {
  const cluster = clusterOf();
  assert.deepEqual(silent(await start(cluster, { n2: 'unreachable', n3: 'suspect' })), ['n2']);
  assert.deepEqual([cluster.n2.reads.length, cluster.n3.reads.length], [0, 1]);
});

test('a member that fails makes no statement, and the others do', async () => {
  const cluster = clusterOf();
  cluster.own.state = new MecError('disk-failed');
  assert.deepEqual(silent(await start(cluster)), ['n1']);
});

test('a member that is not known any more makes no statement', async () => {
  const cluster = clusterOf();
  cluster.reached = [cluster.n2, cluster.n4];
  const location = await start(cluster);
  assert.deepEqual(silent(location), ['n3']);
  assert.equal(location.entries[2]?.reach, 'reachable');
});

test('a node without a cluster locates no key', async () => {
  const cluster = clusterOf();
  cluster.holders.placeOf = () => {
    throw new MecError('not-ready');
  };
  await assert.rejects(start(cluster), { code: 'not-ready' });
});
