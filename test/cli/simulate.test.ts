/** The command `mec simulate`, as users start it. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type MecResult, runMec } from '../fixtures/run-mec.ts';

const simulate = (...args: readonly string[]): Promise<MecResult> => runMec(['simulate', ...args]);

test('a seed prints a short report, and --trace does not change its run', async () => {
  const whole = await simulate('--seed', '42', '--operations', '40');
  assert.equal(whole.code, 0, whole.out + whole.err);
  assert.match(
    whole.out,
    /^seed 42: \d nodes, \d+ operations, \d+ writes acknowledged\n {2}faults: .*\n/,
  );
  assert.match(whole.out, /nothing was lost, nothing came back, all owners are equal\n$/);
  const again = await simulate('--seed', '42', '--operations', '40', '--trace');
  assert.equal(/digest .*/.exec(again.out)?.[0], /digest .*/.exec(whole.out)?.[0]);
  assert.ok(again.out.split('\n').length > 100);
});

test('several seeds print a summary', async () => {
  const { code, out, err } = await simulate('--seed', '42', '--seeds', '5', '--operations', '20');
  assert.equal(code, 0, out + err);
  assert.match(out, /^5 seeds from 42: 0 violated, \d+\.\d s\n$/);
});

test('a run can be limited to some of its faults and operations', async () => {
  const { code, out, err } = await simulate(
    '--seed',
    '42',
    '--only-faults',
    'none',
    '--only-operations',
    '0-2,5',
  );
  assert.equal(code, 0, out + err);
  assert.match(out, /^seed 42: \d nodes, 4 operations, .*\n {2}faults: none\n/);
});

test('simulate refuses unknown faults and malformed lists with exit code 2', async () => {
  const unknown = await simulate('--faults', 'crash, earthquake');
  assert.equal(unknown.code, 2);
  assert.match(unknown.err, /unknown fault "earthquake"; the faults are crash; /);
  const list = await simulate('--only-faults', '1,x');
  assert.equal(list.code, 2);
  assert.match(list.err, /Expected whole numbers/);
});
