/** The real clock, HTTP dates, and pauses between retries. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { backoff } from '../../src/base/delays.ts';
import {
  httpDateToMicros,
  microsToHttpDate,
  microsToIso,
  systemClock,
} from '../../src/base/system.ts';
import { seededRandom } from '../fixtures/fake-env.ts';

/** The example of RFC 9110, section 5.6.7. */
const HTTP_DATE = 'Sun, 06 Nov 1994 08:49:37 GMT';
const MICROS = 784_111_777_000_000;

test('HTTP dates are parsed and formatted as in RFC 9110, in whole seconds', () => {
  assert.equal(httpDateToMicros(HTTP_DATE), MICROS);
  assert.equal(microsToHttpDate(MICROS + 999_999), HTTP_DATE);
  assert.equal(microsToHttpDate(MICROS + 1_000_000), 'Sun, 06 Nov 1994 08:49:38 GMT');
  assert.equal(microsToIso(MICROS + 1_500), '1994-11-06T08:49:37.001Z');
});

test('httpDateToMicros returns undefined for other date formats', () => {
  for (const text of [
    '',
    '1994-11-06T08:49:37Z',
    'Sunday, 06-Nov-94 08:49:37 GMT',
    'Sun, 06 Nox 1994 08:49:37 GMT',
  ]) {
    assert.equal(httpDateToMicros(text), undefined, text);
  }
});

test('a cancelled timer does not run', async () => {
  const run: string[] = [];
  systemClock.after(0, () => run.push('cancelled')).cancel();
  await new Promise<void>((resolve) => systemClock.after(1, resolve));
  await new Promise<void>((resolve) => systemClock.defer(resolve));
  assert.deepEqual(run, []);
  assert.ok(systemClock.monotonicMs() > 0);
  assert.ok(Math.abs(systemClock.wallMicros() - Date.now() * 1000) < 60e6);
});

test('backoff doubles up to its bound and varies by at most half', () => {
  const random = seededRandom(1);
  for (const [round, ms] of [10, 20, 40, 80, 100, 100].entries()) {
    const pauses = Array.from({ length: 200 }, () =>
      backoff(random, round, { firstMs: 10, mostMs: 100 }),
    );
    assert.ok(Math.min(...pauses) >= ms / 2 && Math.max(...pauses) <= 1.5 * ms, `round ${round}`);
    assert.ok(Math.max(...pauses) - Math.min(...pauses) > ms / 2, 'they are drawn');
  }
});
