/** A plain write on fake holders: its holders, the acknowledgements that count, and its result. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { MecError, messageOf } from '../../../src/base/errors.ts';
import { get } from '../../../src/cluster/coordinator/get.ts';
import { put, type PutParts } from '../../../src/cluster/coordinator/put.ts';
import { OWNER_CHANGE_RETRY_MS } from '../../../src/cluster/limits.ts';
import type { RemoteCoordinator } from '../../../src/cluster/holders/remote-coordinator.ts';
import type { PutRequest, PutResult } from '../../../src/cluster/holders/write-request.ts';
import type { Dot } from '../../../src/core/causality/causal-context.ts';
import {
  codeOf,
  content,
  FakeCluster,
  FakeHolder,
  objectOf,
  outcomeOf,
  stateOf,
  storedBy,
} from '../../fixtures/fake-holders.ts';

const A: Dot = { actor: 'n1~old', counter: 1 };

/** Owners to which a write can be forwarded. Each gives the answer of the test. */
function coordinatorsOf(
  answers: Readonly<Record<string, PutResult | MecError>>,
  given: string[],
): RemoteCoordinator[] {
  const fakes = Object.entries(answers).map(([id, answer]) => ({
    isKnown: true,
    ping: (_timeoutMs: number, onAnswer: (isThere: boolean) => void) => onAnswer(true),
    forward: (_request: PutRequest, onAnswer: (result: PutResult | MecError) => void) => {
      given.push(id);
      onAnswer(answer);
    },
  }));
  return fakes as unknown as RemoteCoordinator[];
}

function start(
  cluster: FakeCluster,
  request: Partial<PutRequest> = {},
  coordinators: readonly RemoteCoordinator[] = [],
  others: readonly FakeHolder[] = cluster.reached,
): Promise<PutResult> {
  const holders = {
    ...cluster.holders,
    others: () => [...others],
    coordinators: () => [...coordinators],
  };
  const { env, partitions, policies, time, observer, quotas } = cluster;
  const conditionals = { put: () => assert.fail('the write has no condition') };
  const parts: PutParts = {
    env,
    partitions,
    policies,
    time,
    observer,
    holders,
    conditionals,
    quotas,
    get: (read) => get(cluster, read),
  };
  return put(parts, {
    key: 'k',
    token: undefined,
    body: content('v'),
    r: 2,
    w: 2,
    timeoutMs: 1_000,
    ...request,
  });
}

const RESULT: PutResult = {
  dot: A,
  token: objectOf([A]).context,
  versions: [A],
  found: true,
  isRepeated: false,
};

test('a write is acknowledged with the W-th disk', async () => {
  const cluster = new FakeCluster();
  const writing = start(cluster);
  cluster.n2.stores[0]?.answer(storedBy('n2'));
  assert.equal(await outcomeOf(writing), 'waiting');
  cluster.own.writes[0]?.answer(storedBy('n1'));
  assert.deepEqual((await writing).dot, { actor: 'n1~one', counter: 1 });
});

test('owners and pending owners get the same item, but pending owners do not count', async () => {
  const cluster = new FakeCluster();
  cluster.pending = [new FakeHolder('n9')];
  const writing = start(cluster, { w: 2 });
  const [two, three, pending] = [cluster.n2, cluster.n3, ...cluster.pending].map(
    ({ stores }) => stores[0],
  );
  assert.ok(
    two !== undefined && two.request === three?.request && two.request === pending?.request,
  );
  pending.answer(storedBy('n9'));
  cluster.own.writes[0]?.answer(storedBy('n1'));
  assert.equal(await outcomeOf(writing), 'waiting');
  three.answer(storedBy('n3'));
  assert.equal((await writing).isRepeated, false);
});

test('a write waits for owners that only a peer knows, and sends it to them', async () => {
  const cluster = new FakeCluster();
  cluster.reached = [cluster.n2, cluster.n3, cluster.n4];
  const writing = start(cluster, {}, [], [cluster.n2, cluster.n3]);
  cluster.own.writes[0]?.answer(storedBy('n1'));
  const owners = ['n1', 'n4', 'n5'];
  cluster.n3.stores[0]?.answer(storedBy('n3', { owners: { owners, nextOwners: owners } }));
  assert.equal(await outcomeOf(writing), 'waiting');
  const [later] = cluster.n4.stores;
  assert.equal(later?.request, cluster.n3.stores[0]?.request);
  later?.answer(storedBy('n4'));
  assert.equal((await writing).found, true);
});

/** A write that all owners have stored. The next owners lack one answer: that of `n4` or `n5`. */
function startForNextOwners(): { cluster: FakeCluster; writing: Promise<PutResult> } {
  const cluster = new FakeCluster();
  cluster.nextOwners = ['n1', 'n4', 'n5'];
  cluster.pending = [cluster.n4];
  cluster.reached = [cluster.n2, cluster.n3, cluster.n4, cluster.n5];
  const writing = start(cluster, {}, [], [cluster.n2, cluster.n3]);
  cluster.own.writes[0]?.answer(storedBy('n1'));
  cluster.n2.stores[0]?.answer(storedBy('n2'));
  cluster.n3.stores[0]?.answer(storedBy('n3'));
  cluster.n4.stores[0]?.answer(new MecError('unreachable'));
  return { cluster, writing };
}

test('a write is sent again to a next owner that did not answer', async () => {
  const { cluster, writing } = startForNextOwners();
  assert.equal(await outcomeOf(writing), 'waiting');
  cluster.clock.advance(OWNER_CHANGE_RETRY_MS);
  cluster.n4.stores[1]?.answer(storedBy('n4'));
  assert.equal((await writing).found, true);
});

test('a write that waits for an owner of the other set fails in time', async () => {
  const { cluster, writing } = startForNextOwners();
  cluster.clock.advance(999);
  assert.equal(await outcomeOf(writing), 'waiting');
  cluster.clock.advance(1);
  assert.equal(codeOf(await outcomeOf(writing)), 'quorum-not-met');
  const sent = cluster.n4.stores.length;
  cluster.clock.advance(1_000);
  assert.equal(cluster.n4.stores.length, sent, 'it is still sent');
});

test('a write names its client to every holder', () => {
  const cluster = new FakeCluster();
  void start(cluster, { caller: 'alice' });
  const requests = [cluster.own.writes[0], cluster.n2.stores[0], cluster.n3.stores[0]];
  assert.deepEqual(
    requests.map((asked) => asked?.request.caller),
    ['alice', 'alice', 'alice'],
  );
});

test('a pending owner that reaches no owner takes no write alone', async () => {
  const cluster = new FakeCluster();
  cluster.owners = ['n2', 'n3'];
  cluster.nextOwners = ['n1', 'n2', 'n3'];
  cluster.reached = [];
  const outcome = await outcomeOf(start(cluster, { w: 1 }));
  assert.equal(codeOf(outcome), 'quorum-not-met');
  assert.equal(cluster.own.writes.length, 0);
});

test('nothing is written if too few of the next owners can be reached', async () => {
  const cluster = new FakeCluster();
  cluster.nextOwners = ['n1', 'n4', 'n5'];
  const outcome = await outcomeOf(start(cluster));
  assert.equal(codeOf(outcome), 'quorum-not-met');
  assert.equal(cluster.own.writes.length, 0);
});

test('two peers are a quorum of two if the disk of this node fails late', async () => {
  const cluster = new FakeCluster();
  const writing = start(cluster);
  cluster.own.writes[0]?.answer(new MecError('disk-failed'));
  cluster.n2.stores[0]?.answer(storedBy('n2'));
  cluster.n3.stores[0]?.answer(storedBy('n3'));
  assert.equal((await writing).found, true);
});

test('a node with a full disk forwards a write to one owner after another', async () => {
  const cluster = new FakeCluster();
  cluster.own.refusal = new MecError('disk-full');
  const given: string[] = [];
  const answers = { n2: new MecError('overloaded'), n3: RESULT };
  const result = await start(cluster, {}, coordinatorsOf(answers, given));
  assert.deepEqual([result.dot, given], [A, ['n2', 'n3']]);
  assert.equal(cluster.n2.stores.length + cluster.n3.stores.length, 0);
});

test('a write that an owner may have begun goes to no other owner', async () => {
  const cluster = new FakeCluster();
  cluster.own.refusal = new MecError('disk-full');
  const given: string[] = [];
  const answers = { n2: new MecError('timeout'), n3: RESULT };
  const outcome = await outcomeOf(start(cluster, {}, coordinatorsOf(answers, given)));
  assert.equal(codeOf(outcome), 'timeout');
  assert.match(messageOf(outcome), /may still take effect/);
  assert.deepEqual(given, ['n2']);
});

test('an acknowledgement after the deadline does not count', async () => {
  const cluster = new FakeCluster();
  const writing = start(cluster);
  cluster.own.writes[0]?.answer(storedBy('n1'));
  const settled = outcomeOf(writing);
  cluster.clock.advance(1_000);
  cluster.n2.stores[0]?.answer(storedBy('n2'));
  const outcome = await settled;
  assert.equal(codeOf(outcome), 'timeout');
  assert.match(messageOf(outcome), /may still take effect/);
});

test('an acknowledgement does not count if another holder has filled the successor of its replica', async () => {
  const cluster = new FakeCluster();
  const writing = start(cluster, { w: 3 });
  cluster.n2.stores[0]?.answer(storedBy('n2'));
  cluster.own.writes[0]?.answer(storedBy('n1'));
  const fences = [{ member: 'n2', replica: 2, life: 'one', later: undefined }];
  cluster.n3.stores[0]?.answer(storedBy('n3', { fences }));
  assert.equal(codeOf(await outcomeOf(writing)), 'quorum-not-met');
});

test('a write that can reach too few holders or owners stores nothing', async () => {
  const cluster = new FakeCluster();
  cluster.reached = [cluster.n4];
  assert.equal(codeOf(await outcomeOf(start(cluster, { w: 3 }))), 'quorum-not-met');
  assert.equal(codeOf(await outcomeOf(start(cluster, { pw: 2 }))), 'quorum-not-met');
  assert.deepEqual([cluster.own.writes.length, cluster.n4.stores.length], [0, 0]);
});

test('a node that has left refuses writes', async () => {
  const cluster = new FakeCluster();
  cluster.own.isGone = true;
  assert.equal(codeOf(await outcomeOf(start(cluster))), 'stopping');
  assert.equal(cluster.own.writes.length, 0);
});

test('a delete without a token removes the versions of a quorum, and is a 404 if there are none', async () => {
  const cluster = new FakeCluster();
  for (const holder of [cluster.own, cluster.n2]) holder.state = stateOf(objectOf([]));
  assert.equal(codeOf(await outcomeOf(start(cluster, { body: undefined }))), 'not-found');
  assert.equal(cluster.own.writes.length, 0);
  cluster.n2.state = stateOf(objectOf([A]));
  const deleting = start(cluster, { body: undefined, w: 1 });
  await outcomeOf(deleting);
  assert.equal(String(cluster.own.writes[0]?.request.token), '{n1~old:1}');
  cluster.own.writes[0]?.answer(storedBy('n1'));
  assert.equal((await deleting).found, true);
});

test('the write of a delete has the time that its read has left', async () => {
  const cluster = new FakeCluster();
  cluster.own.state = stateOf(objectOf([A]));
  const deleting = start(cluster, { body: undefined });
  cluster.clock.advance(600);
  cluster.n2.reads[0]?.answer(stateOf(objectOf([A])));
  assert.equal(await outcomeOf(deleting), 'waiting');
  assert.equal(cluster.n2.stores[0]?.terms?.timeoutMs, 400);
  cluster.clock.advance(400);
  assert.equal(codeOf(await outcomeOf(deleting)), 'timeout');
});

test('a write that replaces removes the versions of a quorum, in the time that its read has left', async () => {
  const cluster = new FakeCluster();
  cluster.own.state = stateOf(objectOf([]));
  const replacing = start(cluster, { replace: true });
  assert.equal(cluster.own.writes.length, 0, 'it reads first');
  cluster.clock.advance(600);
  cluster.n2.reads[0]?.answer(stateOf(objectOf([A])));
  assert.equal(await outcomeOf(replacing), 'waiting');
  const { token, body } = cluster.own.writes[0]?.request ?? {};
  assert.deepEqual([String(token), body], ['{n1~old:1}', content('v')]);
  assert.equal(cluster.n2.stores[0]?.terms?.timeoutMs, 400);
  cluster.own.writes[0]?.answer(storedBy('n1'));
  cluster.n2.stores[0]?.answer(storedBy('n2'));
  assert.equal((await replacing).found, true);
});

test('a write that replaces is a plain write if the key has no version', async () => {
  const cluster = new FakeCluster();
  for (const holder of [cluster.own, cluster.n2]) holder.state = stateOf(objectOf([]));
  const replacing = start(cluster, { replace: true, w: 1 });
  await outcomeOf(replacing);
  cluster.own.writes[0]?.answer(storedBy('n1'));
  assert.equal((await replacing).found, true);
});

test('if the read before a write fails, the writer is told that nothing was written', async () => {
  for (const request of [{ replace: true }, { body: undefined }]) {
    const cluster = new FakeCluster();
    cluster.own.state = stateOf(objectOf([A]));
    const writing = start(cluster, request);
    cluster.clock.advance(1_000);
    const error = await writing.catch((thrown: unknown) => thrown);
    assert.ok(error instanceof MecError && error.details.mayTakeEffect === false, String(error));
    assert.equal(cluster.own.writes.length, 0);
  }
});

test('the token of a write keeps the token that the writer sent, and omits other dead actors', async () => {
  const cluster = new FakeCluster();
  cluster.own.before = objectOf([
    { actor: 'n2~gone', counter: 1 },
    { actor: 'n3~one', counter: 4 },
  ]);
  const writing = start(cluster, { w: 1, token: objectOf([A]).context });
  cluster.own.writes[0]?.answer(storedBy('n1'));
  assert.equal(String((await writing).token), '{n1~old:1 n1~one:1 n3~one:4}');
});
