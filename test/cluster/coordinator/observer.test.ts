/** The observer of a coordinator: the time of each operation, and of the answers in it. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { MecError } from '../../../src/base/errors.ts';
import { get, type GetRequest } from '../../../src/cluster/coordinator/get.ts';
import { put } from '../../../src/cluster/coordinator/put.ts';
import { endedOperation } from '../../fixtures/ended-operation.ts';
import {
  content,
  FakeCluster,
  objectOf,
  outcomeOf,
  stateOf,
  storedBy,
} from '../../fixtures/fake-holders.ts';

const A = { actor: 'n1~one', counter: 1 };
const B = { actor: 'n2~one', counter: 1 };
const READ = { key: 'k', r: 2, timeoutMs: 1_000 };

test('a read tells its time, the answers until its end, and the peers asked because of late ones', async () => {
  const cluster = new FakeCluster();
  cluster.own.state = stateOf(objectOf([A]));
  const reading = get(cluster, READ);
  cluster.clock.advance(20);
  cluster.clock.advance(100);
  cluster.n3.reads[0]?.answer(stateOf(objectOf([A])));
  await reading;
  cluster.n2.reads[0]?.answer(stateOf(objectOf([A])));
  const answers = { n1: 0, n3: 120, n2: 120 };
  const read = endedOperation({ operation: 'read', tookMs: 120, answers, hedges: 1 });
  assert.deepEqual(cluster.ended, [read]);
});

test('a read that finds two versions is a conflict, and its repairs are counted', async () => {
  const cluster = new FakeCluster();
  cluster.own.state = stateOf(objectOf([A]));
  cluster.n2.state = stateOf(objectOf([B]));
  cluster.n3.state = stateOf(objectOf([A, B]));
  await get(cluster, READ);
  assert.deepEqual([cluster.conflicts, cluster.repaired], [1, 2]);
});

test('an operation that fails tells its code', async () => {
  const cluster = new FakeCluster();
  for (const holder of [cluster.own, cluster.n2, cluster.n3])
    holder.state = new MecError('disk-failed');
  await assert.rejects(get(cluster, READ));
  assert.deepEqual(
    cluster.ended.map(({ operation, failed }) => [operation, failed]),
    [['read', 'quorum-not-met']],
  );
});

test('a write tells the time of its own disk and of each peer', async () => {
  const cluster = new FakeCluster();
  const conditionals = { put: () => assert.fail('the write has no condition') };
  const { env, partitions, policies, time, holders, observer, quotas } = cluster;
  const parts = { env, partitions, policies, time, holders, observer, quotas, conditionals };
  const request = { key: 'k', token: undefined, body: content('v'), r: 2, w: 3, timeoutMs: 1_000 };
  const writing = put({ ...parts, get: (read) => get(cluster, read) }, request);
  cluster.clock.advance(3);
  cluster.own.writes[0]?.answer(storedBy('n1'));
  cluster.clock.advance(4);
  cluster.n2.stores[0]?.answer(storedBy('n2'));
  cluster.clock.advance(100);
  cluster.n3.stores[0]?.answer(storedBy('n3'));
  await outcomeOf(writing);
  const answers = { n1: 3, n2: 7, n3: 107 };
  assert.deepEqual(cluster.ended, [endedOperation({ tookMs: 107, answers })]);
});

test('a conditional write and a forward are told as what they are, also if they fail', async () => {
  const cluster = new FakeCluster();
  const conditionals = { put: () => Promise.reject(new MecError('contended')) };
  const { env, partitions, policies, time, observer, quotas } = cluster;
  const common = { env, partitions, policies, time, observer, quotas, conditionals };
  const condition = { ifMatch: undefined, ifNoneMatch: '*', idempotencyKey: undefined } as const;
  const request = { key: 'k', token: undefined, body: content('v'), r: 2, w: 2, timeoutMs: 1_000 };
  const parts = {
    ...common,
    holders: cluster.holders,
    get: (read: GetRequest) => get(cluster, read),
  };
  await assert.rejects(put(parts, { ...request, condition }));
  cluster.owners = ['n2', 'n3', 'n4'];
  const owner = {
    id: 'n2',
    isKnown: true,
    ping: (_: number, onPong: (isThere: boolean) => void) => onPong(true),
    forward: (_: unknown, onAnswer: (answer: MecError) => void) =>
      onAnswer(new MecError('too-many-siblings')),
  };
  const holders = { ...cluster.holders, coordinators: () => [owner as never] };
  await assert.rejects(put({ ...parts, holders }, request));
  assert.deepEqual(
    cluster.ended.map(({ operation, failed }) => [operation, failed]),
    [
      ['write_if', 'contended'],
      ['forward', 'too-many-siblings'],
    ],
  );
});
