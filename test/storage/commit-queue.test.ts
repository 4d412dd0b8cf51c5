import assert from 'node:assert/strict';
import { test } from 'node:test';
import { MecError } from '../../src/base/errors.ts';
import { MAX_BATCH_BYTES, MAX_COMMIT_BYTES } from '../../src/storage/limits.ts';
import { CommitQueue } from '../../src/storage/commit-queue.ts';
import type { RowChange, Engine } from '../../src/storage/engine.ts';
import { MemoryDisk } from '../../src/storage/memory.ts';
import { ManualClock, nextTurn } from '../fixtures/fake-env.ts';

/** An engine whose commits end when the test says so. */
async function slowEngine(): Promise<{
  engine: Engine;
  batches: (readonly RowChange[])[];
  end: (error?: Error) => Promise<void>;
}> {
  const real = await new MemoryDisk().open();
  const batches: (readonly RowChange[])[] = [];
  const ends: ((error?: Error) => void)[] = [];
  const engine: Engine = {
    get: (key) => real.get(key),
    scan: (range) => real.scan(range),
    keys: (range) => real.keys(range),
    snapshot: () => real.snapshot(),
    purge: (from, to) => real.purge(from, to),
    diskBytes: () => real.diskBytes(),
    close: () => real.close(),
    abandon: () => real.abandon(),
    verify: (bytes) => real.verify(bytes),
    suspect: () => real.suspect(),
    salvage: real.salvage,
    commit: async (changes, sync) => {
      batches.push(changes);
      await new Promise<void>((resolve, reject) =>
        ends.push((error) => (error === undefined ? resolve() : reject(error))),
      );
      await real.commit(changes, sync);
    },
  };
  const end = async (error?: Error): Promise<void> => {
    ends.shift()?.(error);
    await nextTurn();
  };
  return { engine, batches, end };
}

const put = (key: string, size = 1): RowChange => ({ key, value: new Uint8Array(size) });

/** A clock that collects the errors of deferred tasks. In a real process nothing handles them. */
class CatchingClock extends ManualClock {
  readonly unhandled: unknown[] = [];

  override defer(task: () => void): void {
    super.defer(() => {
      try {
        task();
      } catch (error) {
        this.unhandled.push(error);
      }
    });
  }
}

async function setUp(): Promise<
  Awaited<ReturnType<typeof slowEngine>> & {
    queue: CommitQueue;
    failures: MecError[];
    unhandled: unknown[];
  }
> {
  const slow = await slowEngine();
  const failures: MecError[] = [];
  const clock = new CatchingClock();
  const queue = new CommitQueue(slow.engine, {
    clock,
    sync: true,
    onFailure: (error) => failures.push(error),
  });
  return { ...slow, queue, failures, unhandled: clock.unhandled };
}

test('writes that are submitted while a batch syncs share the next batch', async () => {
  const { queue, batches, end } = await setUp();
  const done: string[] = [];
  queue.submit([put('a')], () => done.push('a'));
  queue.submit([put('b')], () => done.push('b'));
  await nextTurn();
  for (const key of ['c', 'd', 'e']) queue.submit([put(key)], () => done.push(key));
  await nextTurn();
  assert.deepEqual(
    batches.map((batch) => batch.map(({ key }) => key)),
    [['a', 'b']],
  );
  assert.deepEqual(done, []);
  await end();
  assert.deepEqual(done, ['a', 'b']);
  assert.deepEqual(
    batches[1]?.map(({ key }) => key),
    ['c', 'd', 'e'],
  );
  await end();
  assert.deepEqual(done, ['a', 'b', 'c', 'd', 'e']);
});

test('a row can be read as soon as it is submitted', async () => {
  const { queue, end } = await setUp();
  queue.submit([put('a', 1)], () => {});
  assert.equal(queue.get('a')?.length, 1);
  await nextTurn();
  assert.equal(queue.get('a')?.length, 1);
  queue.submit([put('a', 2)], () => {});
  assert.equal(queue.get('a')?.length, 2);
  queue.submit([{ key: 'a', value: undefined }], () => {});
  assert.equal(queue.get('a'), undefined);
  await end();
  assert.equal(queue.get('a'), undefined, 'the deletion still waits, and hides the row on disk');
  await end();
  assert.equal(queue.get('a'), undefined);
});

test('a submission without rows waits for all earlier rows', async () => {
  const { queue, end } = await setUp();
  const done: string[] = [];
  queue.submit([], () => done.push('at once'));
  assert.deepEqual(done, ['at once']);
  queue.submit([put('a')], () => {});
  await nextTurn();
  queue.submit([], () => done.push('later'));
  await nextTurn();
  assert.deepEqual(done, ['at once']);
  await end();
  assert.deepEqual(done, ['at once', 'later']);
});

test('a failed batch ends the queue: waiting rows, later rows and reads fail', async () => {
  const { queue, failures, end } = await setUp();
  const errors: (string | undefined)[] = [];
  queue.submit([put('a')], (error) => errors.push(error?.code));
  await nextTurn();
  queue.submit([put('b')], (error) => errors.push(error?.code));
  await end(new MecError('disk-full'));
  queue.submit([put('c')], (error) => errors.push(error?.code));
  assert.deepEqual(errors, ['disk-full', 'disk-full', 'disk-full']);
  assert.equal(failures.length, 1);
  assert.throws(() => queue.get('a'), MecError);
  assert.throws(() => queue.assertRoom(), MecError);
  await queue.whenIdle();
});

test('the queue and its batches have a bound in bytes', async () => {
  const { queue, batches } = await setUp();
  const count = MAX_COMMIT_BYTES / MAX_BATCH_BYTES;
  for (let i = 0; i < count; i++) {
    queue.assertRoom();
    queue.submit([put(`k${i}`, MAX_BATCH_BYTES)], () => {});
  }
  assert.throws(
    () => queue.assertRoom(),
    (error) => error instanceof MecError && error.code === 'overloaded',
  );
  await nextTurn();
  assert.equal(batches[0]?.length, 1);
});

test('idle resolves when the last batch is durable', async () => {
  const { queue, end } = await setUp();
  let isIdle = false;
  queue.submit([put('a')], () => {});
  const idle = queue.whenIdle().then(() => (isIdle = true));
  await nextTurn();
  assert.equal(isIdle, false);
  await end();
  await idle;
});

/** Submits rows whose callback throws, and collects the callbacks that were called. */
function submitFaulty(queue: CommitQueue): { readonly bug: Error; readonly called: string[] } {
  const bug = new Error('a bug of one submitter');
  const called: string[] = [];
  const note = (name: string) => (error?: MecError) => {
    called.push(error === undefined ? name : `${name}: ${error.code}`);
    if (name.startsWith('faulty')) throw bug;
  };
  queue.submit([put('a')], note('faulty'));
  queue.submit([put('b')], note('other'));
  return { bug, called };
}

test('a callback that throws costs no other submitter its answer', async () => {
  const { queue, unhandled, end } = await setUp();
  const { bug, called } = submitFaulty(queue);
  await nextTurn();
  queue.runBetweenBatches(() => {
    called.push('faulty task');
    throw bug;
  });
  queue.runBetweenBatches(() => called.push('other task'));
  await end();
  assert.deepEqual(called, ['faulty', 'other', 'faulty task', 'other task']);
  await nextTurn();
  assert.deepEqual(unhandled, [bug, bug]);
  queue.submit([put('c')], () => called.push('later'));
  await nextTurn();
  await end();
  assert.equal(called.at(-1), 'later');
});

test('a callback that throws as the queue fails costs no other submitter its error', async () => {
  const { queue, failures, unhandled, end } = await setUp();
  const { bug, called } = submitFaulty(queue);
  await nextTurn();
  queue.submit([put('c')], (error) => called.push(`next: ${error?.code}`));
  await end(new MecError('disk-full'));
  assert.deepEqual(called, ['faulty: disk-full', 'other: disk-full', 'next: disk-full']);
  assert.equal(failures.length, 1);
  await queue.whenIdle();
  await nextTurn();
  assert.deepEqual(unhandled, [bug]);
});
