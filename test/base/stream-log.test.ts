/** The log on a stream: its lines as text and as JSON, and its level. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { streamLog } from '../../src/base/stream-log.ts';

test('a log line has time, level, event and fields, and quotes a field with special characters', () => {
  const written: string[] = [];
  const log = streamLog({ write: (text) => written.push(text) });
  log.debug('left out');
  log.info('a peer is back', { peer: 'n1', after: 12, missing: undefined });
  log.error('failed', { why: 'no "room"\nleft' });
  const lines = written.map((line) => line.replace(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z /, ''));
  assert.deepEqual(lines, [
    'info  a peer is back peer=n1 after=12\n',
    'error failed why="no \\"room\\"\\nleft"\n',
  ]);
});

test('a JSON line has time, level, own name, event and fields, and no field hides them', () => {
  const written: string[] = [];
  const log = streamLog(
    { write: (text) => written.push(text) },
    { format: 'json', self: 'n1', level: 'warn' },
  );
  log.info('left out');
  log.warn('node unreachable', { node: 'n2', forMs: 7, isOld: true, missing: undefined });
  log.error('failed', { reason: 'no "room"\nleft', level: 'none', event: 'other' });
  assert.ok(written.every((line) => line.endsWith('\n') && !line.slice(0, -1).includes('\n')));
  const [first, second] = written.map((line) => JSON.parse(line) as Record<string, unknown>);
  assert.match(String(first?.['time']), /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/);
  const { time: _, ...rest } = first ?? {};
  assert.deepEqual(rest, {
    level: 'warn',
    self: 'n1',
    event: 'node unreachable',
    node: 'n2',
    forMs: 7,
    isOld: true,
  });
  assert.deepEqual([second?.['level'], second?.['event']], ['error', 'failed']);
  assert.equal(written[1]?.indexOf('{"time":'), 0, 'the time comes first');
});

test('a change of the level counts from the next line on', () => {
  let written = '';
  const log = streamLog({ write: (text) => (written += text) });
  log.debug('one');
  log.level = 'debug';
  log.debug('two');
  log.level = 'error';
  log.warn('three');
  assert.match(written, /^\S+ debug two\n$/);
});
