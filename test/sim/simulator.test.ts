/**
 * Runs of the simulator. They have the same seeds each time, or fresh ones on request, and each
 * seed runs twice. A long run also has all seeds that once failed.
 */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { shrunkReportOf } from '../../src/sim/report.ts';
import { simulate } from '../../src/sim/run.ts';
import { shrink } from '../../src/sim/shrink.ts';
import { isLongRun } from '../sets.ts';

/** The time after which two runs of a seed must hang, even on a loaded machine. */
const HANG_MS = 120_000;
/** The time for shrinking a failing seed. */
const SHRINK_MS = 30_000;
/** The seeds of every run of the tests, so that passing is no matter of luck. */
const USUAL = 1;
const LONG = 30;
/** The number of fresh seeds to run instead. */
const FRESH = process.env['MEC_SEEDS'];
const COUNT = Number(FRESH ?? (isLongRun() ? LONG : USUAL));

async function assertHolds(seed: number): Promise<number> {
  const result = await simulate({ seed });
  if (result.violations.length > 0) {
    const endMs = performance.now() + SHRINK_MS;
    assert.fail(
      shrunkReportOf(await shrink(result, { seed }, () => performance.now() > endMs), undefined),
    );
  }
  return result.digest;
}

test(
  `${COUNT} seeds: every invariant holds, and each seed gives the same run twice`,
  { timeout: COUNT * HANG_MS },
  async () => {
    const first = FRESH === undefined ? 1 : Math.floor(Math.random() * 900_000_000);
    for (let seed = first; seed < first + COUNT; seed++) {
      const digest = await assertHolds(seed);
      assert.equal((await simulate({ seed })).digest, digest, `seed ${seed} is not the same twice`);
    }
  },
);

test(
  'all invariants hold under the seeds that once failed',
  { skip: FRESH === undefined && !isLongRun() },
  async () => {
    const text = readFileSync(new URL('../../../test/seeds.txt', import.meta.url), 'utf8');
    const seeds = [...text.matchAll(/^(\d+) /gm)].map(([, seed]) => Number(seed));
    assert.ok(seeds.length > 0);
    for (const seed of seeds) await assertHolds(seed);
  },
);

test('two seeds give two different runs', async () => {
  const [a, b] = [
    await simulate({ seed: 1, operations: 20 }),
    await simulate({ seed: 2, operations: 20 }),
  ];
  assert.notEqual(a.digest, b.digest);
});
