/** Tests of shrinking a failing run. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { shrunkReportOf } from '../../src/sim/report.ts';
import { simulate, type SimOptions, type SimResult } from '../../src/sim/run.ts';
import { shrink } from '../../src/sim/shrink.ts';

const LOSS =
  /misses the acknowledged write|^the acknowledged write .* is lost|^the clock of .* has the write/m;
const SEEDS = 60;
/** A number of operations that can be shrunk. */
const LONG = 6;
const ATTEMPTS = 40;

/** A run in which the power fails, on disks that acknowledge unsafe batches. */
const lying = (seed: number): SimOptions => {
  const operationNames = ['read', 'write'] as const;
  return {
    seed,
    nodes: 3,
    operations: 40,
    faults: ['crash of all'],
    operationNames,
    doDisksLie: true,
    isBrief: true,
  };
};

async function firstFailure(): Promise<SimResult> {
  for (let seed = 1; seed <= SEEDS; seed++) {
    const result = await simulate(lying(seed));
    const isLong = result.operations.length >= LONG;
    // Shrinking keeps any kind of violation that was there, so this run has one kind only.
    const isLoss =
      result.violations.length > 0 && result.violations.every((text) => LOSS.test(text));
    if (isLong && isLoss) return result;
  }
  return assert.fail(`disks lie, and in ${SEEDS} seeds no write is missing`);
}

test(
  'a failing run shrinks to a few operations, which fail again',
  { timeout: 170_000 },
  async () => {
    const failed = await firstFailure();
    let attempts = 0;
    const shrunk = await shrink(failed, lying(failed.seed), () => attempts++ >= ATTEMPTS);
    assert.ok(
      shrunk.only.operations.length <= failed.operations.length / 2,
      `${failed.operations.length} operations shrank to ${shrunk.only.operations.length}`,
    );
    const again = await simulate({ ...lying(failed.seed), only: shrunk.only });
    assert.equal(again.digest, shrunk.result.digest);
    assert.deepEqual(again.violations, shrunk.result.violations);
    assert.match(again.violations.join('\n'), LOSS);
    const report = shrunkReportOf(shrunk, 'abc1234');
    assert.match(
      report,
      new RegExp(`^seed ${failed.seed}, commit abc1234, shrunk in ${shrunk.runs} runs to:`),
    );
    assert.match(
      report,
      /mec simulate --seed \d+ --only-faults (none|[\d,-]+) --only-operations [\d,-]+ --trace/,
    );
  },
);

test('omitted faults and operations do not happen, and the others do not change', async () => {
  const whole = await simulate({ seed: 7, operations: 40 });
  const none = await simulate({ seed: 7, operations: 40, only: { faults: [], operations: [] } });
  assert.deepEqual([none.faults, none.operations, none.violations], [[], [], []]);
  const few = whole.operations.slice(0, 3);
  const part = await simulate({
    seed: 7,
    operations: 40,
    only: { faults: [], operations: few.map(({ index }) => index) },
  });
  assert.deepEqual(part.operations, few);
});
