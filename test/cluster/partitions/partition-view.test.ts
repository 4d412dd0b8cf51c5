/** The view of one partition: fences, rest, and reads that wait for their replica. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Partitions } from '../../../src/cluster/partitions/partition-view.ts';
import { ManualClock } from '../../fixtures/fake-env.ts';

const PARTITION = 7;
const REST_MS = 500;

/** The views of a node whose replicas are not confirmed. */
function bench() {
  const clock = new ManualClock();
  const fenced: number[] = [];
  const status = { isUnconfirmed: true, confirm: () => void (status.isUnconfirmed = false) };
  const replica = { id: '1.x', status, learn: () => {} };
  const partitions = new Partitions({
    members: { lifeOf: () => 'one', otherHolders: () => [] },
    floors: { names: () => undefined },
    store: { find: () => replica },
    clock,
    restMs: REST_MS,
    onFence: (partition) => fenced.push(partition),
  });
  const reads: string[] = [];
  const read = (name: string, partition = PARTITION): void =>
    partitions.of(partition).whenConfirmed(() => reads.push(name));
  const view = partitions.of(PARTITION);
  return { clock, status, partitions, view, fenced, reads, read };
}

test('a fence is made in one partition', () => {
  const { partitions, view, fenced } = bench();
  view.fences.makeFence('n2', { isComplete: false, life: 'one', replica: '1.x' });
  assert.deepEqual(fenced, [PARTITION]);
  assert.equal(view.fences.needed.length, 1);
  assert.deepEqual(partitions.of(PARTITION + 1).fences.needed, []);
});

test('a replica is at rest when it has made no commit for some time', () => {
  const { clock, view } = bench();
  assert.equal(view.isAtRest(3), false, 'it was not looked at before');
  clock.advance(REST_MS - 1);
  assert.equal(view.isAtRest(3), false);
  clock.advance(1);
  assert.equal(view.isAtRest(3), true);
});

test('a commit ends the rest of a replica', () => {
  const { clock, view } = bench();
  view.isAtRest(3);
  clock.advance(REST_MS);
  assert.equal(view.isAtRest(4), false);
  clock.advance(REST_MS - 1);
  assert.equal(view.isAtRest(4), false);
  clock.advance(1);
  assert.equal(view.isAtRest(4), true);
});

test('the rest of a replica does not depend on those of other partitions', () => {
  const { clock, partitions, view } = bench();
  view.isAtRest(3);
  clock.advance(REST_MS);
  assert.equal(partitions.of(PARTITION + 1).isAtRest(9), false);
  assert.equal(view.isAtRest(3), true);
});

test('a read waits until the replica of its own partition is confirmed', () => {
  const { partitions, view, reads, read } = bench();
  read('a');
  read('b');
  partitions.of(PARTITION + 1).confirm();
  assert.deepEqual(reads, []);
  view.confirm();
  assert.deepEqual(reads, ['a', 'b']);
  view.confirm();
  assert.deepEqual(reads, ['a', 'b'], 'each runs once');
});

test('a read that throws costs no other read its answer', () => {
  const { view, reads, read } = bench();
  const bug = new Error('a bug of one read');
  view.whenConfirmed(() => {
    throw bug;
  });
  read('other');
  assert.throws(() => view.confirm(), bug);
  assert.deepEqual(reads, ['other']);
});

test('a confirmed replica counts', () => {
  const { status, view } = bench();
  view.confirm();
  assert.equal(status.isUnconfirmed, false);
});

test('a read of a confirmed replica runs at once', () => {
  const { status, reads, read } = bench();
  status.confirm();
  read('a');
  assert.deepEqual(reads, ['a']);
});

test('no read waits at a node that stops', () => {
  const { partitions, reads, read } = bench();
  read('a');
  read('b', PARTITION + 1);
  partitions.end();
  assert.deepEqual(reads, ['a', 'b']);
  read('c');
  assert.deepEqual(reads, ['a', 'b', 'c']);
});
