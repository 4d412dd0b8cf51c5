import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Log, LogFields } from '../../src/base/env.ts';
import {
  LOG_EVENT_LINES,
  LOG_REPEAT_MS,
  MAX_LOG_LINES,
  MAX_LOG_TEXT_CHARS,
} from '../../src/base/limits.ts';
import { throttledLog } from '../../src/base/throttled-log.ts';
import { ManualClock } from '../fixtures/fake-env.ts';

/** A throttled log, its clock, and the lines that it let through: `level event {fields}`. */
function throttled(): { log: Log; clock: ManualClock; lines: string[] } {
  const clock = new ManualClock();
  const lines: string[] = [];
  const at =
    (level: string) =>
    (event: string, fields?: LogFields): void =>
      void lines.push(`${level} ${event} ${JSON.stringify(fields ?? {})}`);
  const log = throttledLog(
    { debug: at('debug'), info: at('info'), warn: at('warn'), error: at('error') },
    clock,
  );
  return { log, clock, lines };
}

test('the first line is written at once, its repetitions of that second as a number', () => {
  const { log, clock, lines } = throttled();
  for (let i = 0; i < 400; i++) log.error('not read', { reason: 'full' });
  assert.deepEqual(lines, ['error not read {"reason":"full"}']);
  clock.advance(LOG_REPEAT_MS);
  assert.deepEqual(lines.slice(1), ['error not read {"reason":"full","repeated":399}']);
  clock.advance(10 * LOG_REPEAT_MS);
  assert.equal(lines.length, 2, 'no line follows without a new event');
  log.error('not read', { reason: 'full' });
  assert.equal(lines[2], lines[0]);
});

test('a line that repeats all the time is written once a second, with every repetition counted', () => {
  const { log, clock, lines } = throttled();
  const count = 1_000;
  for (let i = 0; i < count; i++) {
    log.warn('again', { reason: 'x' });
    clock.advance(LOG_REPEAT_MS / 40);
  }
  clock.advance(2 * LOG_REPEAT_MS);
  const seconds = count / 40;
  assert.ok(
    lines.length <= seconds + 1 && lines.length > seconds / 3,
    `${lines.length} lines in ${seconds} s`,
  );
  const repeated = lines.map((line) => Number(/"repeated":(\d+)/.exec(line)?.[1] ?? 1));
  assert.equal(
    repeated.reduce((a, b) => a + b),
    count,
  );
});

test('lines that differ in level, event or a field are not repetitions', () => {
  const { log, lines } = throttled();
  log.info('a', { node: 'n1' });
  log.info('a', { node: 'n2' });
  log.warn('a', { node: 'n1' });
  log.info('b', { node: 'n1' });
  log.info('b');
  assert.equal(lines.length, 5);
});

test('debug lines pass unchanged', () => {
  const { log, lines } = throttled();
  for (let i = 0; i < 3; i++) log.debug('d');
  assert.equal(lines.length, 3);
});

test('an event with different fields each time cannot flood the log', () => {
  const { log, clock, lines } = throttled();
  for (let i = 0; i < 500; i++) log.error('not read', { partition: i });
  assert.equal(lines.length, LOG_EVENT_LINES);
  log.error('another');
  assert.equal(lines.length, LOG_EVENT_LINES + 1, 'the limit of one event does not affect another');
  clock.advance(LOG_REPEAT_MS);
  const others = `error not read {"fields":"various","repeated":${500 - LOG_EVENT_LINES}}`;
  assert.deepEqual(lines.slice(LOG_EVENT_LINES + 1), [others]);
});

test('the number of remembered lines is bounded, and falls again', () => {
  const { log, clock, lines } = throttled();
  for (let i = 0; i < 3 * MAX_LOG_LINES; i++) log.info(`event ${i}`);
  assert.equal(lines.length, MAX_LOG_LINES);
  clock.advance(LOG_REPEAT_MS);
  assert.deepEqual(lines.slice(MAX_LOG_LINES), [
    `info log lines left out {"repeated":${2 * MAX_LOG_LINES}}`,
  ]);
  clock.advance(LOG_REPEAT_MS);
  lines.length = 0;
  for (let i = 0; i < MAX_LOG_LINES / 2; i++) log.info(`event ${i}`, { again: true });
  assert.equal(lines.length, MAX_LOG_LINES / 2);
});

test('a long text is cut', () => {
  const { log, lines } = throttled();
  log.error('refused', { node: 'n2', reason: 'x'.repeat(10_000_000) });
  log.error('refused', { node: 'n2', reason: 'x'.repeat(MAX_LOG_TEXT_CHARS) });
  const cut = `{"node":"n2","reason":"${'x'.repeat(MAX_LOG_TEXT_CHARS)}…"}`;
  assert.deepEqual(lines, [`error refused ${cut}`, `error refused ${cut.replace('…', '')}`]);
});
