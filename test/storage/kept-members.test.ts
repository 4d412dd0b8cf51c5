import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { CommitQueue } from '../../src/storage/commit-queue.ts';
import { KeptMembers } from '../../src/storage/kept-members.ts';
import { metaRow } from '../../src/storage/keyspace.ts';
import { sealRecord } from '../../src/storage/records.ts';
import { memoryLog } from '../fixtures/fake-env.ts';
import { recordOf } from '../fixtures/member-record.ts';

/** The members by a disk that has this value as the list, and the log of reading them. */
function readFrom(list: unknown): { members: unknown; lines: readonly string[] } {
  const row = metaRow('members');
  const log = memoryLog();
  const rows = { get: () => sealRecord(list, row) };
  const members = new KeptMembers(rows, {} as CommitQueue, log).all();
  return { members, lines: log.lines };
}

test('a kept record with a flaw is named and left out at a start', () => {
  const { members, lines } = readFrom([
    recordOf('a'),
    recordOf('evil', 'joining', { host: '*;;;!!', port: 70_000_000 }),
    recordOf('n1', 'up', { version: 2 ** 53 - 1 }),
    recordOf('b'),
  ]);
  assert.deepEqual(members, [recordOf('a'), recordOf('b')]);
  const left = 'error kept member record left out';
  assert.deepEqual(lines, [left, left]);
});

test('a value that is no list has no members', () => {
  assert.deepEqual(readFrom('list').members, []);
});
