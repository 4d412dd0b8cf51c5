/** Slow operations: which are kept, their lines in the log, and what the lines must not have. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { LogFields } from '../../../src/base/env.ts';
import { Recorder } from '../../../src/base/recorder.ts';
import type { EndedOperation } from '../../../src/cluster/coordinator/observer.ts';
import { Operations } from '../../../src/cluster/insight/operations.ts';
import { SlowOperations } from '../../../src/cluster/insight/slow.ts';
import { type EndedFields, endedOperation } from '../../fixtures/ended-operation.ts';
import { ManualClock, memoryLog } from '../../fixtures/fake-env.ts';

interface SlowBench {
  readonly slow: SlowOperations;
  readonly clock: ManualClock;
  readonly lines: LogFields[];
}

function bench(keys = false): SlowBench {
  const clock = new ManualClock();
  const lines: LogFields[] = [];
  const log = {
    ...memoryLog(),
    warn: (_: string, fields: LogFields = {}) => void lines.push(fields),
  };
  const slow = new SlowOperations({
    env: { clock, log },
    self: 'n1',
    config: { log: { slowMs: 250, keys } },
    loopLagMs: () => 4,
    pendingRows: () => 12,
  });
  return { slow, clock, lines };
}

const ended = (tookMs: number, fields: EndedFields = {}): EndedOperation =>
  endedOperation({
    key: 'secret/k',
    tookMs,
    answers: { n1: 3.04, n2: 7.26, n3: 251 },
    ...fields,
  });

test('an operation is kept and logged from the configured time on, with where its time went', () => {
  const { slow, lines } = bench();
  slow.note(ended(249.9));
  assert.deepEqual([slow.latest.length, lines.length], [0, 0]);
  slow.note(ended(251));
  const { time, keyHash, partition, ...rest } = slow.latest[0] ?? assert.fail('nothing is kept');
  assert.equal(time, '1970-01-01T00:00:00.000Z');
  assert.match(keyHash, /^[0-9a-f]{8}$/);
  assert.ok(partition >= 0 && partition < 256);
  assert.deepEqual(rest, {
    node: 'n1',
    operation: 'write',
    key: undefined,
    tookMs: 251,
    waitedForDiskMs: 3,
    peers: { n2: 7.3, n3: 251 },
    hedged: 0,
    loopLagMs: 4,
    pendingRows: 12,
    failed: undefined,
  });
  const { peers, tookMs, waitedForDiskMs } = lines[0] ?? {};
  assert.deepEqual([peers, tookMs, waitedForDiskMs], ['n2:7.3,n3:251', 251, 3]);
});

test('no key is named unless the configuration allows it', () => {
  for (const keys of [false, true]) {
    const { slow, lines } = bench(keys);
    slow.note(ended(300));
    const text = JSON.stringify([slow.latest, lines]);
    assert.equal(text.includes('secret'), keys);
  }
});

test('a read has no time of the disk, and a failure has its code', () => {
  const { slow } = bench();
  slow.note(ended(300, { operation: 'read', failed: 'timeout' }));
  assert.equal(slow.latest[0]?.waitedForDiskMs, undefined);
  assert.equal(slow.latest[0]?.failed, 'timeout');
});

test('the latest 128 are kept, the newest first', () => {
  const { slow } = bench();
  for (let i = 0; i < 200; i++) slow.note(ended(300 + i));
  assert.equal(slow.latest.length, 128);
  assert.deepEqual([slow.latest[0]?.tookMs, slow.latest[127]?.tookMs], [499, 372]);
});

test('at most ten lines are written in a second, and the next line counts the others', () => {
  const { slow, clock, lines } = bench();
  for (let i = 0; i < 25; i++) slow.note(ended(300));
  assert.equal(lines.length, 10);
  clock.advance(1_000);
  slow.note(ended(300));
  slow.note(ended(300));
  assert.deepEqual(
    lines.slice(10).map(({ leftOut }) => leftOut),
    [15, undefined],
  );
});

test('operations are counted by their kind, hedges and repairs as well', () => {
  const recorder = new Recorder();
  const operations = new Operations(recorder, bench().slow);
  operations.onEnd(ended(0.2, { operation: 'read', hedges: 2 }));
  operations.onEnd(ended(0.3, { operation: 'read' }));
  operations.onEnd(ended(9_000, { operation: 'write_if' }));
  operations.onConflict();
  operations.onRepair(2);
  const { read, write_if: writeIf } = recorder.coordinated;
  assert.deepEqual([read.counts[0], read.counts[1], read.sumMs], [1, 1, 0.5]);
  assert.equal(writeIf.counts.at(-1), 1);
  const { hedgedReads, conflictingReads, readRepairs } = recorder;
  assert.deepEqual([hedgedReads, conflictingReads, readRepairs], [2, 1, 2]);
});
