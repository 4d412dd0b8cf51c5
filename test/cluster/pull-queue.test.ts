/** The queue of pulls: its order, its bounds, and the ages of jobs over all their tries. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type PullJob, PullQueue } from '../../src/cluster/sync/pull-queue.ts';
import { ManualClock, nextTurn } from '../fixtures/fake-env.ts';

interface Bench {
  readonly queue: PullQueue;
  readonly clock: ManualClock;
  /** The running jobs, as `partition peer`. */
  readonly running: string[];
  readonly end: (job: string, isOver?: boolean) => Promise<void>;
  /** The peers whose failed pulls are not wanted any more. */
  readonly gone: Set<string>;
}

function bench(concurrency: number): Bench {
  const clock = new ManualClock();
  const running: string[] = [];
  const gone = new Set<string>();
  const ends = new Map<string, (isOver: boolean) => void>();
  const run = ({ partition, peer }: PullJob): Promise<boolean> => {
    const name = `${partition} ${peer}`;
    running.push(name);
    return new Promise((resolve) => {
      ends.set(name, (isOver) => {
        running.splice(running.indexOf(name), 1);
        resolve(isOver);
      });
    });
  };
  const end = async (job: string, isOver = true): Promise<void> => {
    ends.get(job)?.(isOver);
    await nextTurn();
  };
  const isWanted = ({ peer }: PullJob): boolean => !gone.has(peer);
  const queue = new PullQueue({ nowMs: () => clock.nowMs, concurrency, run, isWanted });
  return { queue, clock, running, end, gone };
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

test('a pull has no age while this node holds it back, or while its peer is out of reach', async () => {
  const { queue, clock, gone } = bench(2);
  queue.add(1, 'a');
  let endPause = (): void => {};
  const held = queue.hold(1, new Promise((resolve) => (endPause = resolve)));
  clock.advance(8_000);
  assert.equal(queue.stalled?.ageMs, 0, 'it is held back');
  clock.advance(1_000);
  endPause();
  await held;
  clock.advance(2_000);
  assert.equal(queue.stalled?.ageMs, 2_000);
  gone.add('a');
  clock.advance(5_000);
  assert.equal(queue.stalled?.ageMs, 0, 'its peer is out of reach');
  gone.clear();
  clock.advance(3_000);
  assert.deepEqual([queue.stalled?.ageMs, queue.oldest?.ageMs], [3_000, 19_000]);
});

test('a pull that ends with its timeout again and again keeps its age', async () => {
  const { queue, clock, end } = bench(1);
  queue.add(1, 'a');
  clock.advance(10_000);
  await end('1 a', false);
  assert.deepEqual(queue.stalled, { partition: 1, peer: 'a', ageMs: 10_000 });
  clock.advance(500);
  assert.equal(queue.stalled?.ageMs, 10_500);
  queue.add(1, 'a');
  clock.advance(10_000);
  assert.deepEqual([queue.stalled?.ageMs, queue.oldest?.ageMs], [20_500, 20_500]);
  await end('1 a', false);
  clock.advance(1_000);
  assert.equal(queue.stalled?.ageMs, 21_500);
  queue.add(1, 'a');
  await end('1 a');
  assert.equal(queue.stalled, undefined);
  assert.equal(queue.oldest, undefined);
});

test('a pull that fails alone is old from its second failure on, and a page ends that', async () => {
  const { queue, clock, end } = bench(1);
  const ages: (number | undefined)[] = [];
  for (let tries = 1; tries <= 3; tries++) {
    queue.add(1, 'a');
    await end('1 a', false);
    clock.advance(2_000);
    queue.add(2, 'a');
    await end('2 a');
    clock.advance(3_000);
    ages.push(queue.stalled?.ageMs);
  }
  assert.deepEqual(ages, [0, 5_000, 10_000]);
  queue.add(1, 'a');
  queue.noteProgress(1);
  clock.advance(300);
  assert.equal(queue.stalled?.ageMs, 300);
  await end('1 a', false);
  clock.advance(9_000);
  assert.equal(queue.stalled?.ageMs, 9_300, 'since its page');
});

test('a failure is forgotten if nothing lacks any more, or the pull is not wanted', async () => {
  const { queue, clock, end, gone } = bench(1);
  for (const peer of ['a', 'b']) {
    queue.add(1, peer);
    clock.advance(1_000);
    await end(`1 ${peer}`, false);
  }
  assert.equal(queue.stalled?.peer, 'a');
  queue.add(2, 'a');
  queue.noteEqual(1, 'a');
  assert.equal(queue.stalled?.ageMs, 2_000, 'another pull waits for the same peer');
  clock.advance(500);
  await end('2 a');
  queue.noteEqual(1, 'a');
  queue.noteEqual(1, 'c');
  assert.deepEqual(queue.stalled, { partition: 1, peer: 'b', ageMs: 1_500 });
  gone.add('b');
  assert.equal(queue.stalled, undefined);
  gone.clear();
  assert.equal(queue.stalled, undefined, 'it is not remembered');
});
