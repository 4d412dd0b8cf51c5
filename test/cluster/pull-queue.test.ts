import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type PullJob, PullQueue } from '../../src/cluster/sync/pull-queue.ts';
import { ManualClock, nextTurn } from '../fixtures/fake-env.ts';

interface Bench {
  readonly queue: PullQueue;
  readonly clock: ManualClock;
  /** The running jobs, as `partition peer`. */
  readonly running: string[];
  readonly end: (job: string) => Promise<void>;
}

function bench(concurrency: number): Bench {
  const clock = new ManualClock();
  const running: string[] = [];
  const ends = new Map<string, () => void>();
  const run = ({ partition, peer }: PullJob): Promise<void> => {
    const name = `${partition} ${peer}`;
    running.push(name);
    return new Promise((resolve) => {
      ends.set(name, () => {
        running.splice(running.indexOf(name), 1);
        resolve();
      });
    });
  };
  const end = async (job: string): Promise<void> => {
    ends.get(job)?.();
    await nextTurn();
  };
  return { queue: new PullQueue({ clock, concurrency, run }), clock, running, end };
}

test('a partition is pulled from one peer at a time', async () => {
  const { queue, running, end } = bench(4);
  queue.add(1, 'a');
  queue.add(1, 'b');
  queue.add(2, 'a');
  assert.deepEqual(running, ['1 a', '2 a']);
  await end('1 a');
  assert.deepEqual(running, ['2 a', '1 b']);
});

test('a few partitions are pulled at the same time, the oldest job first', async () => {
  const { queue, running, end } = bench(2);
  for (const partition of [1, 2, 3, 3]) queue.add(partition, 'a');
  assert.deepEqual([running, queue.waiting, queue.running], [['1 a', '2 a'], 1, 2]);
  await end('2 a');
  assert.deepEqual(running, ['1 a', '3 a']);
  await end('1 a');
  await end('3 a');
  assert.deepEqual([queue.waiting, queue.running, queue.oldest], [0, 0, undefined]);
});

test('the oldest job has its partition, its peer and its age', async () => {
  const { queue, clock, end } = bench(1);
  queue.add(7, 'stuck');
  clock.advance(1_000);
  queue.add(8, 'a');
  clock.advance(500);
  assert.deepEqual(queue.oldest, { partition: 7, peer: 'stuck', ageMs: 1_500 });
  await end('7 stuck');
  clock.advance(250);
  assert.deepEqual(queue.oldest, { partition: 8, peer: 'a', ageMs: 250 }, 'since it began');
  queue.clear();
  assert.equal(queue.isBusy(8), true, 'a running job goes on');
});

test('the pull without a page for longest is told, and a page ends that', () => {
  const { queue, clock } = bench(2);
  assert.equal(queue.stalled, undefined);
  queue.add(1, 'a');
  clock.advance(100);
  queue.add(2, 'b');
  queue.add(3, 'c');
  clock.advance(1_000);
  assert.deepEqual(queue.stalled, { partition: 1, peer: 'a', ageMs: 1_100 });
  queue.noteProgress(1);
  queue.noteProgress(9);
  assert.deepEqual(queue.stalled, { partition: 2, peer: 'b', ageMs: 1_000 });
});
