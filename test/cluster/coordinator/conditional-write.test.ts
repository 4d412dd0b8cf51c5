/** A conditional write on fake holders: its ballot, its stores, and its result. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { MecError, messageOf } from '../../../src/base/errors.ts';
import { ConditionalWrites } from '../../../src/cluster/coordinator/conditional-write.ts';
import type { KeyGrant } from '../../../src/cluster/holders/holder.ts';
import type { PutResult } from '../../../src/cluster/holders/write-request.ts';
import { BALLOT_MS, GRANT_RETRY_MS } from '../../../src/cluster/limits.ts';
import type { Condition } from '../../../src/core/quorum/condition.ts';
import type { Dot } from '../../../src/core/causality/causal-context.ts';
import {
  codeOf,
  content,
  FakeCluster,
  type FakeHolder,
  objectOf,
  outcomeOf,
  storedBy,
} from '../../fixtures/fake-holders.ts';

const A: Dot = { actor: 'n2~one', counter: 1 };
const IF_ABSENT: Condition = { ifMatch: undefined, ifNoneMatch: '*', idempotencyKey: undefined };
const CONTENDED = new MecError('contended');

/** A grant of a key that holds these versions; the number names the holder. */
const grantOf = ({ id }: FakeHolder, dots: readonly Dot[] = []): KeyGrant => {
  return { number: `${id}/1`, actor: `${id}~one`, object: objectOf(dots), remembered: undefined };
};

/** A cluster whose members grant at once, or refuse. */
function clusterOf(...refusing: ('n1' | 'n2' | 'n3')[]): FakeCluster {
  const cluster = new FakeCluster();
  for (const holder of cluster.members) {
    holder.granted = refusing.some((id) => id === holder.id) ? CONTENDED : grantOf(holder);
  }
  return cluster;
}

function writesOf(cluster: FakeCluster): ConditionalWrites {
  let ballots = 0;
  const nextBallot = (): string => `ballot ${(ballots += 1)}`;
  const { env, holders, partitions, policies, time } = cluster;
  return new ConditionalWrites({ env, holders, partitions, policies, time, nextBallot });
}

function start(
  cluster: FakeCluster,
  { writes = writesOf(cluster), timeoutMs = 1_000 } = {},
): Promise<PutResult> {
  const request = { key: 'k', token: undefined, body: content('v'), r: 2, w: 2, timeoutMs };
  return writes.put({ ...request, condition: IF_ABSENT });
}

/** Lets the time of a ballot pass: the requests without an answer time out. */
async function endBallot({ clock, n2, n3 }: FakeCluster, ballotMs: number): Promise<void> {
  clock.advance(ballotMs);
  for (const { granted, grants } of [n2, n3]) {
    const last = grants.at(-1);
    assert.equal(last?.request.timeoutMs, ballotMs);
    if (granted === undefined) last.answer(new MecError('timeout'));
  }
  await outcomeOf(new Promise(() => {}));
}

const grantsSent = ({ stores }: FakeHolder): unknown[] => stores.map(({ terms }) => terms?.grant);

test('each decider gets the write with its own number, and a late grant does not count', async () => {
  const cluster = clusterOf();
  cluster.n2.granted = undefined;
  const writing = start(cluster);
  await outcomeOf(writing);
  cluster.n2.grants[0]?.answer(grantOf(cluster.n2));
  await outcomeOf(writing);
  assert.deepEqual([grantsSent(cluster.n2), grantsSent(cluster.n3)], [[], ['n3/1']]);
  cluster.own.writes[0]?.answer(storedBy('n1'));
  assert.equal(await outcomeOf(writing), 'waiting');
  cluster.n3.stores[0]?.answer(storedBy('n3'));
  assert.deepEqual((await writing).dot, { actor: 'n1~one', counter: 1 });
});

test('an owner that refused gets a plain store after the acknowledgement', async () => {
  const cluster = clusterOf('n2');
  const writing = start(cluster);
  await outcomeOf(writing);
  assert.equal(cluster.n2.stores.length, 0);
  cluster.own.writes[0]?.answer(storedBy('n1'));
  cluster.n3.stores[0]?.answer(storedBy('n3'));
  await writing;
  assert.deepEqual(grantsSent(cluster.n2), [undefined], 'a plain store');
});

test('a ballot without a majority writes nothing, frees the key, and is repeated', async () => {
  const cluster = clusterOf('n2', 'n3');
  const writing = start(cluster);
  assert.equal(await outcomeOf(writing), 'waiting');
  assert.equal(cluster.own.writes.length, 0);
  assert.deepEqual(cluster.own.released, ['ballot 1']);
  assert.deepEqual([cluster.n2.released, cluster.n3.released], [['ballot 1'], ['ballot 1']]);
  cluster.n2.granted = grantOf(cluster.n2);
  cluster.clock.advance(GRANT_RETRY_MS);
  await outcomeOf(writing);
  assert.equal(cluster.own.grants[1]?.request.ballot, 'ballot 2');
  assert.deepEqual(grantsSent(cluster.n2), ['n2/1']);
});

for (const other of ['silent', 'refusing'] as const) {
  test(`a ballot gives the key back if the other owners are silent and ${other}`, async () => {
    const cluster = clusterOf(...(other === 'silent' ? [] : (['n3'] as const)));
    cluster.n2.granted = undefined;
    if (other === 'silent') cluster.n3.granted = undefined;
    const writing = start(cluster);
    await outcomeOf(writing);
    await endBallot(cluster, BALLOT_MS);
    for (const { released } of [cluster.own, cluster.n2, cluster.n3])
      assert.deepEqual(released, ['ballot 1']);
    cluster.n3.granted = grantOf(cluster.n3);
    cluster.clock.advance(BALLOT_MS);
    await outcomeOf(writing);
    assert.deepEqual(grantsSent(cluster.n3), ['n3/1']);
  });
}

test('a ballot that was too short is followed by one that is twice as long', async () => {
  const cluster = clusterOf();
  cluster.n2.granted = cluster.n3.granted = undefined;
  const settled = start(cluster).catch((error: unknown) => error);
  for (const ballotMs of [1, 2, 4].map((times) => times * BALLOT_MS)) {
    await outcomeOf(settled);
    await endBallot(cluster, ballotMs);
    cluster.clock.advance(GRANT_RETRY_MS);
    cluster.clock.advance(ballotMs - GRANT_RETRY_MS);
  }
  assert.equal(codeOf(await settled), 'timeout', 'the next one would be too late');
});

test('a write is `contended` if another one keeps the key until the timeout', async () => {
  const cluster = clusterOf('n1');
  const settled = start(cluster).catch((error: unknown) => error);
  for (let i = 0; i < 100; i++) {
    await outcomeOf(new Promise(() => {}));
    cluster.clock.advance(GRANT_RETRY_MS);
  }
  assert.equal(codeOf(await settled), 'contended');
  assert.equal(cluster.n2.grants.length, 0, 'without the own grant no other is asked');
});

test('a write that waits for another one is `contended` at its timeout, and never begins', async () => {
  const cluster = clusterOf();
  const writes = writesOf(cluster);
  const first = start(cluster, { writes, timeoutMs: 10_000 });
  const second = start(cluster, { writes });
  assert.equal(await outcomeOf(first), 'waiting');
  cluster.clock.advance(1_000);
  assert.equal(codeOf(await outcomeOf(second)), 'contended');
  cluster.own.writes[0]?.answer(storedBy('n1'));
  cluster.n2.stores[0]?.answer(storedBy('n2'));
  assert.deepEqual((await first).dot, { actor: 'n1~one', counter: 1 });
  await outcomeOf(new Promise(() => {}));
  assert.equal(cluster.own.grants.length, 1);
});

test('a write whose condition does not hold stores nothing, and frees the key', async () => {
  const cluster = clusterOf();
  cluster.n2.granted = grantOf(cluster.n2, [A]);
  assert.equal(codeOf(await outcomeOf(start(cluster))), 'precondition-failed');
  assert.deepEqual([cluster.own.writes.length, cluster.n2.stores.length], [0, 0]);
  assert.deepEqual(cluster.own.released, ['ballot 1']);
});

test('a coordinator whose own number has ended begins another ballot', async () => {
  const cluster = clusterOf();
  cluster.own.isCurrent = false;
  const writing = start(cluster);
  assert.equal(await outcomeOf(writing), 'waiting');
  assert.deepEqual([cluster.own.writes.length, cluster.n2.stores.length], [0, 0]);
  cluster.own.isCurrent = true;
  cluster.clock.advance(GRANT_RETRY_MS);
  await outcomeOf(writing);
  assert.equal(cluster.own.writes.length, 1);
});

test('a store that a decider refuses does not count', async () => {
  const cluster = clusterOf();
  const writing = start(cluster);
  await outcomeOf(writing);
  cluster.own.writes[0]?.answer(storedBy('n1'));
  cluster.n2.stores[0]?.answer(CONTENDED);
  const outcome = await outcomeOf(writing);
  assert.equal(codeOf(outcome), 'quorum-not-met');
  assert.match(messageOf(outcome), /may still take effect/);
});

test('a node that does not own the key refuses a conditional write', async () => {
  const cluster = clusterOf();
  cluster.owners = ['n2', 'n3'];
  assert.equal(codeOf(await outcomeOf(start(cluster))), 'quorum-not-met');
  assert.equal(cluster.own.grants.length, 0);
});
