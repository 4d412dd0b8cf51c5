/** A quorum read on fake holders: the holders it asks, its answer, and the repairs after that. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { MecError } from '../../../src/base/errors.ts';
import { OWNER_CHANGE_RETRY_MS, MAX_RECEIVED_ACTORS } from '../../../src/cluster/limits.ts';
import { get, type GetRequest, type GetResult } from '../../../src/cluster/coordinator/get.ts';
import type { Dot } from '../../../src/core/causality/causal-context.ts';
import {
  codeOf,
  FakeCluster,
  objectOf,
  outcomeOf,
  PARTITION,
  stateOf,
} from '../../fixtures/fake-holders.ts';

const A: Dot = { actor: 'n1~one', counter: 1 };
const B: Dot = { actor: 'n2~one', counter: 1 };

const start = (cluster: FakeCluster, request: Partial<GetRequest> = {}): Promise<GetResult> =>
  get(cluster, { key: 'k', r: 2, timeoutMs: 1_000, ...request });

const dotsOf = (result: GetResult | MecError | 'waiting'): unknown =>
  result === 'waiting' || result instanceof MecError
    ? codeOf(result)
    : result.versions.map(({ actor }) => actor);

test('a read with R of two asks this node and one peer, and answers with the second reply', async () => {
  const cluster = new FakeCluster();
  cluster.own.state = stateOf(objectOf([A]));
  const reading = start(cluster);
  assert.equal(dotsOf(await outcomeOf(reading)), 'waiting');
  assert.deepEqual([cluster.n2.reads.length, cluster.n3.reads.length], [1, 0]);
  cluster.n2.reads[0]?.answer(stateOf(objectOf([A])));
  assert.deepEqual(dotsOf(await outcomeOf(reading)), ['n1~one']);
});

test('the request to a peer names the versions that this node has', () => {
  const cluster = new FakeCluster();
  cluster.own.state = stateOf(objectOf([A]));
  void start(cluster);
  const { request } = cluster.n2.reads[0] ?? assert.fail('not asked');
  assert.deepEqual(
    [request.partition, request.have.map(({ actor }) => actor)],
    [PARTITION, ['n1~one']],
  );
});

test('a read asks also the owners that only a peer knows', async () => {
  const cluster = new FakeCluster();
  cluster.own.state = stateOf(objectOf([A]));
  const reading = start(cluster);
  const owners = ['n1', 'n3', 'n9'];
  const named = { ...stateOf(objectOf([A])), owners: { owners, nextOwners: owners } };
  cluster.n2.reads[0]?.answer(named);
  assert.equal(dotsOf(await outcomeOf(reading)), 'waiting');
  cluster.n3.reads[0]?.answer(stateOf(objectOf([A, B])));
  assert.deepEqual(dotsOf(await outcomeOf(reading)), ['n1~one', 'n2~one']);
});

test('an owner with another history of the same owners does not count, and is asked again', async () => {
  const cluster = new FakeCluster();
  cluster.own.state = stateOf(objectOf([A]));
  const reading = start(cluster, { r: 3 });
  const { owners } = cluster;
  const behind = { ...stateOf(objectOf([])), owners: { owners, nextOwners: owners } };
  cluster.n2.reads[0]?.answer(behind);
  cluster.n3.reads[0]?.answer(stateOf(objectOf([A])));
  assert.equal(dotsOf(await outcomeOf(reading)), 'waiting');
  assert.equal(cluster.n2.reads.length, 1);
  cluster.clock.advance(OWNER_CHANGE_RETRY_MS);
  assert.equal(cluster.n2.reads.length, 2);
  cluster.n2.reads[1]?.answer(stateOf(objectOf([A])));
  assert.deepEqual(dotsOf(await outcomeOf(reading)), ['n1~one']);
});

test('a read names its first owners to every holder, also if this node hears of others meanwhile', () => {
  const cluster = new FakeCluster();
  cluster.own.state = stateOf(objectOf([A]));
  void start(cluster, { r: 3 });
  const hashes = (): unknown[] => cluster.n2.reads.map(({ request }) => request.ownersHash);
  const first = cluster.ownersHash;
  const { owners } = cluster;
  const behind = { ...stateOf(objectOf([])), owners: { owners, nextOwners: owners } };
  cluster.n2.reads[0]?.answer(behind);
  // The same owners, and one more member that has ended.
  cluster.ownersHash = 7;
  cluster.clock.advance(OWNER_CHANGE_RETRY_MS);
  assert.deepEqual(hashes(), [first, 7]);
  // Other owners: a holder that knows them must name them, or they would not be asked.
  cluster.n2.reads[1]?.answer(behind);
  cluster.owners = ['n1', 'n2', 'n4'];
  cluster.ownersHash = 8;
  cluster.clock.advance(OWNER_CHANGE_RETRY_MS);
  assert.deepEqual(hashes(), [first, 7, 7]);
});

test('a read asks at once as many holders as both sets of owners need', () => {
  const cluster = new FakeCluster();
  cluster.nextOwners = ['n1', 'n2', 'n4'];
  cluster.reached = [cluster.n3, cluster.n2];
  cluster.pending = [cluster.n4];
  cluster.own.state = stateOf(objectOf([A]));
  void start(cluster);
  assert.deepEqual(
    cluster.members.map(({ reads }) => reads.length),
    [1, 1, 1, 0],
    'n1 and n3 are no quorum of the next owners',
  );
});

test('a read asks the owners that a fallback names, if the fallback does not count any more', async () => {
  const cluster = new FakeCluster();
  cluster.reached = [cluster.n4];
  cluster.own.state = stateOf(objectOf([A]));
  cluster.holders.counts = ({ owners }, { id }) => owners.includes(id);
  const owners = ['n1', 'n4', 'n5'];
  const reading = start(cluster);
  cluster.pending = [cluster.n5];
  cluster.n4.reads[0]?.answer({
    ...stateOf(objectOf([A])),
    owners: { owners, nextOwners: owners },
  });
  assert.equal(cluster.n5.reads.length, 1);
  cluster.n5.reads[0]?.answer(stateOf(objectOf([A])));
  assert.equal(dotsOf(await outcomeOf(reading)), 'quorum-not-met');
});

test('a read is answered by its deadline, even if no holder ever answers', async () => {
  for (const own of [stateOf(objectOf([A])), undefined]) {
    const cluster = new FakeCluster();
    cluster.own.state = own;
    const reading = start(cluster);
    cluster.clock.advance(999);
    assert.equal(dotsOf(await outcomeOf(reading)), 'waiting');
    cluster.clock.advance(1);
    const error = (await outcomeOf(reading)) as MecError;
    assert.deepEqual([error.code, error.details.have], ['timeout', own === undefined ? 0 : 1]);
  }
});

test('a read that waits for what its reader has seen is `behind` at its deadline', async () => {
  const cluster = new FakeCluster();
  for (const holder of [cluster.own, cluster.n2]) holder.state = stateOf(objectOf([A]));
  const reading = start(cluster, { seen: [B] });
  assert.equal(dotsOf(await outcomeOf(reading)), 'waiting');
  cluster.clock.advance(1_000);
  assert.equal(dotsOf(await outcomeOf(reading)), 'behind');
});

test('a replica that answers after the deadline is repaired', async () => {
  const cluster = new FakeCluster();
  cluster.own.state = stateOf(objectOf([A]));
  const reading = start(cluster);
  cluster.clock.advance(1_000);
  assert.equal(dotsOf(await outcomeOf(reading)), 'timeout');
  cluster.n2.reads[0]?.answer(stateOf(objectOf([B], [A])));
  assert.equal(cluster.own.repairs.length, 0, 'n3 has not answered yet');
  cluster.n3.reads[0]?.answer(new MecError('timeout'));
  assert.equal(cluster.own.repairs.length, 1);
});

test('a pending owner that catches up counts for the next owners, if it knows no others', async () => {
  for (const isSame of [true, false]) {
    const cluster = new FakeCluster();
    cluster.nextOwners = ['n1', 'n2', 'n9'];
    cluster.owners = ['n1'];
    cluster.reached = [];
    cluster.pending = [cluster.n2];
    cluster.own.state = stateOf(objectOf([A]));
    const reading = start(cluster, { r: 1, pr: 'quorum' });
    const owners = isSame ? undefined : { owners: ['n1', 'n2'], nextOwners: ['n1', 'n2'] };
    cluster.n2.reads[0]?.answer({ ...stateOf(objectOf([A]), false), owners });
    const outcome = dotsOf(await outcomeOf(reading));
    assert.deepEqual(outcome, isSame ? ['n1~one'] : 'quorum-not-met');
  }
});

test('a read that waits for an owner of the other set asks it again, and fails in time', async () => {
  const cluster = new FakeCluster();
  cluster.nextOwners = ['n1', 'n3', 'n9'];
  cluster.own.state = stateOf(objectOf([A]));
  const reading = start(cluster);
  cluster.n2.reads[0]?.answer(stateOf(objectOf([A])));
  cluster.n3.state = new MecError('unreachable');
  cluster.n3.reads[0]?.answer(cluster.n3.state);
  for (let i = 0; i < 3; i++) cluster.clock.advance(OWNER_CHANGE_RETRY_MS);
  assert.equal(dotsOf(await outcomeOf(reading)), 'waiting');
  assert.ok(cluster.n3.reads.length > 1, 'not asked again');
  cluster.clock.advance(1_000);
  assert.equal(dotsOf(await outcomeOf(reading)), 'quorum-not-met');
  const asked = cluster.n3.reads.length;
  cluster.clock.advance(1_000);
  assert.equal(cluster.n3.reads.length, asked, 'it is still asked');
});

test('a read does not wait for an owner of the other set once it is unreachable', async () => {
  const cluster = new FakeCluster();
  cluster.nextOwners = ['n1', 'n3', 'n9'];
  cluster.own.state = stateOf(objectOf([A]));
  const reading = start(cluster);
  cluster.n2.reads[0]?.answer(stateOf(objectOf([A])));
  assert.equal(dotsOf(await outcomeOf(reading)), 'waiting');
  cluster.away.add('n3');
  cluster.clock.advance(OWNER_CHANGE_RETRY_MS);
  assert.deepEqual(dotsOf(await outcomeOf(reading)), ['n1~one']);
});

test('the next peer is asked as well after the hedge time', async () => {
  const cluster = new FakeCluster();
  cluster.own.state = stateOf(objectOf([A]));
  const reading = start(cluster);
  cluster.clock.advance(cluster.holders.hedgeMs - 1);
  assert.equal(cluster.n3.reads.length, 0);
  cluster.clock.advance(1);
  cluster.n3.reads[0]?.answer(stateOf(objectOf([A])));
  assert.deepEqual(dotsOf(await outcomeOf(reading)), ['n1~one']);
});

test('a peer that fails is replaced at once', async () => {
  const cluster = new FakeCluster();
  cluster.own.state = stateOf(objectOf([A]));
  const reading = start(cluster);
  cluster.n2.reads[0]?.answer(new MecError('overloaded'));
  cluster.n3.reads[0]?.answer(stateOf(objectOf([A])));
  assert.deepEqual(dotsOf(await outcomeOf(reading)), ['n1~one']);
});

test('an incomplete owner adds its versions, but does not count', async () => {
  const cluster = new FakeCluster();
  cluster.own.state = stateOf(objectOf([A]));
  const reading = start(cluster);
  cluster.n2.reads[0]?.answer(stateOf(objectOf([B]), false));
  assert.equal(dotsOf(await outcomeOf(reading)), 'waiting');
  cluster.n3.reads[0]?.answer(stateOf(objectOf([A])));
  assert.deepEqual(dotsOf(await outcomeOf(reading)), ['n1~one', 'n2~one']);
});

test('a stale replica is repaired when all owners have answered', async () => {
  const cluster = new FakeCluster();
  cluster.own.state = stateOf(objectOf([A]));
  const reading = start(cluster);
  cluster.n2.reads[0]?.answer(stateOf(objectOf([B], [A])));
  assert.deepEqual(dotsOf(await outcomeOf(reading)), ['n2~one']);
  assert.equal(cluster.own.repairs.length, 0, 'the third owner has not answered yet');
  cluster.n3.reads[0]?.answer(stateOf(objectOf([B], [A])));
  const [item] = cluster.own.repairs;
  assert.deepEqual(
    [item?.key, item?.object.versions.map(({ actor }) => actor), item?.dots],
    ['k', ['n2~one'], []],
  );
  assert.deepEqual([cluster.n2.repairs, cluster.n3.repairs], [[], []], 'they had it');
});

test('no replica is repaired while an owner that was asked has not answered', async () => {
  const cluster = new FakeCluster();
  cluster.own.state = stateOf(objectOf([A]));
  const reading = start(cluster);
  cluster.clock.advance(cluster.holders.hedgeMs);
  cluster.n2.reads[0]?.answer(stateOf(objectOf([B], [A])));
  assert.deepEqual(dotsOf(await outcomeOf(reading)), ['n2~one']);
  assert.equal(cluster.own.repairs.length, 0);
  cluster.n3.reads[0]?.answer(stateOf(objectOf([B], [A])));
  assert.equal(cluster.own.repairs.length, 1);
});

test('fallbacks alone cannot answer that a key has no value', async () => {
  const cluster = new FakeCluster();
  cluster.owners = ['n2', 'n3', 'n6'];
  cluster.reached = [cluster.n4, cluster.n5];
  for (const holder of cluster.reached) holder.state = stateOf(objectOf([]));
  assert.equal(dotsOf(await outcomeOf(start(cluster))), 'quorum-not-met');
  cluster.n4.state = stateOf(objectOf([B]));
  assert.deepEqual(dotsOf(await outcomeOf(start(cluster))), ['n2~one']);
});

test('an owner is asked before fallbacks answer that a key has no value', async () => {
  const cluster = new FakeCluster();
  cluster.owners = ['n2', 'n3', 'n6'];
  cluster.reached = [cluster.n4, cluster.n5, cluster.n2];
  for (const holder of [cluster.n4, cluster.n5]) holder.state = stateOf(objectOf([]));
  const reading = start(cluster);
  assert.equal(dotsOf(await outcomeOf(reading)), 'waiting');
  cluster.n2.reads[0]?.answer(stateOf(objectOf([B])));
  assert.deepEqual(dotsOf(await outcomeOf(reading)), ['n2~one']);
});

const detailsOf = (outcome: unknown): readonly unknown[] => {
  assert.ok(outcome instanceof MecError);
  const { have, need, detail } = outcome.details;
  return [outcome.code, have, need, detail?.replace(/\. The value may exist.*/, '')];
};

test('the error of a read counts the replicas that can answer, and names the owners that cannot', async () => {
  const cluster = new FakeCluster();
  cluster.reached = [cluster.n3];
  cluster.away.add('n2');
  cluster.own.state = stateOf(objectOf([A]));
  assert.deepEqual(detailsOf(await outcomeOf(start(cluster, { r: 'all' }))), [
    'quorum-not-met',
    2,
    3,
    '2 of 3 replicas can answer (missing: n2)',
  ]);
  const reading = start(cluster);
  cluster.n3.reads.at(-1)?.answer(new MecError('overloaded'));
  assert.deepEqual(detailsOf(await outcomeOf(reading)), [
    'quorum-not-met',
    1,
    2,
    '1 of 2 replicas can answer (overloaded; missing: n2, n3)',
  ]);
  const late = start(cluster);
  cluster.clock.advance(1_000);
  assert.deepEqual(detailsOf(await outcomeOf(late)), [
    'timeout',
    1,
    2,
    '1 of 2 replicas answered in time (missing: n2, n3)',
  ]);
});

test('the error of a read without an owner names the owners', async () => {
  const cluster = new FakeCluster();
  cluster.owners = ['n2', 'n3', 'n6'];
  cluster.reached = [cluster.n4, cluster.n5];
  for (const holder of cluster.reached) holder.state = stateOf(objectOf([]));
  assert.deepEqual(detailsOf(await outcomeOf(start(cluster))), [
    'quorum-not-met',
    0,
    1,
    '0 of 1 owners can answer (missing: n2, n3, n6)',
  ]);
});

test('a node that owns nothing is a fallback if too few others count for the present owners', async () => {
  const cluster = new FakeCluster();
  cluster.owners = ['n2', 'n3', 'n6'];
  cluster.nextOwners = ['n2', 'n3', 'n5'];
  cluster.reached = [cluster.n2];
  cluster.pending = [cluster.n5];
  for (const id of ['n3', 'n6']) cluster.away.add(id);
  for (const holder of cluster.members) holder.state = stateOf(objectOf([B]));
  assert.deepEqual(dotsOf(await outcomeOf(start(cluster))), ['n2~one']);
});

test('pr counts owners only', async () => {
  const cluster = new FakeCluster();
  cluster.owners = ['n2', 'n3', 'n6'];
  cluster.reached = [cluster.n2, cluster.n4];
  for (const holder of cluster.reached) holder.state = stateOf(objectOf([B]));
  assert.equal(dotsOf(await outcomeOf(start(cluster, { pr: 2 }))), 'quorum-not-met');
  assert.deepEqual(dotsOf(await outcomeOf(start(cluster, { pr: 1 }))), ['n2~one']);
});

test('a read waits for a replica that has all of `seen`, and is `behind` if there is none', async () => {
  const cluster = new FakeCluster();
  cluster.own.state = stateOf(objectOf([]));
  cluster.n2.state = stateOf(objectOf([]));
  cluster.n3.state = stateOf(objectOf([B]));
  assert.deepEqual(dotsOf(await outcomeOf(start(cluster, { seen: [B] }))), ['n2~one']);
  cluster.n3.state = stateOf(objectOf([]));
  assert.equal(dotsOf(await outcomeOf(start(cluster, { seen: [B] }))), 'behind');
});

test('versions that the reader has seen gone are not shown', async () => {
  const cluster = new FakeCluster();
  for (const holder of [cluster.own, cluster.n2]) holder.state = stateOf(objectOf([A, B]));
  const result = await outcomeOf(start(cluster, { gone: objectOf([B]).context }));
  assert.deepEqual(dotsOf(result), ['n1~one']);
});

test('a failed disk of this node is logged, and a damaged record is not', async () => {
  const cluster = new FakeCluster();
  for (const holder of cluster.reached) holder.state = stateOf(objectOf([B]));
  cluster.own.state = new MecError('damaged');
  assert.deepEqual(dotsOf(await outcomeOf(start(cluster))), ['n2~one']);
  assert.deepEqual(cluster.log.lines, []);
  cluster.own.state = new MecError('disk-failed');
  assert.deepEqual(dotsOf(await outcomeOf(start(cluster))), ['n2~one']);
  assert.deepEqual(cluster.log.lines, ['error own replica not read']);
});

test('a token with many actors omits the dead ones', async () => {
  const tokenOf = async (others: number): Promise<string> => {
    const cluster = new FakeCluster();
    const dots = Array.from({ length: others }, (_, i) => ({ actor: `n2~${i}`, counter: 1 }));
    for (const holder of [cluster.own, cluster.n2]) holder.state = stateOf(objectOf([A], dots));
    cluster.dead.add('n2');
    return String((await start(cluster)).token);
  };
  assert.equal(await tokenOf(MAX_RECEIVED_ACTORS), '{n1~one:1}');
  assert.notEqual(await tokenOf(MAX_RECEIVED_ACTORS - 1), '{n1~one:1}', 'few stay, all of them');
});
