import assert from 'node:assert/strict';
import { test } from 'node:test';
import { MAX_RECORD_VERSION, MAX_VERSION_STEP } from '../../src/core/limits.ts';
import { flawedFieldOf, flawOf, mayFollow } from '../../src/core/placement/record-flaw.ts';
import { MemberList, type MemberRecord } from '../../src/core/placement/member-list.ts';
import { recordOf } from '../fixtures/member-record.ts';

const EMPTY = new MemberList();

const SOUND: readonly Partial<MemberRecord>[] = [
  {},
  { host: '::1', port: 65_534, httpport: 65_535, zone: 'rack 1', weight: 0.1 },
  { port: 1, weight: 100, life: '', settled: 0xffff_ffff },
  { generation: 2, version: 1 },
  { version: MAX_RECORD_VERSION - 1 },
];

/** Values that a field must not have. */
const FLAWS: Readonly<Record<string, readonly unknown[]>> = {
  name: ['', 'a b', '-a', 'a'.repeat(65), 5, null],
  host: ['', '*;;;!!', 'a'.repeat(70_000), 5, null],
  port: [0, -1, 1.5, 65_535, 70_000_000, '7000', null],
  httpport: [0, 65_536, '1', undefined],
  zone: ['', 'z'.repeat(65), 5],
  weight: [0, -1, 0.0001, 1e6, NaN, Infinity, null],
  state: ['dead', 1, undefined],
  generation: [0, -1, 1.5, 2 ** 53 - 1, '1'],
  life: ['a life', 'l'.repeat(65), 7, undefined],
  version: [0, 0.5, MAX_RECORD_VERSION, 2 ** 53 - 1, null],
  settled: [-1, 2 ** 32, 0.5, undefined],
};

test('a record with sound fields has no flaw', () => {
  for (const fields of SOUND) assert.equal(flawOf(recordOf('n2', 'up', fields), EMPTY), undefined);
});

test('each field has a grammar', () => {
  assert.deepEqual(Object.keys(FLAWS).sort(), Object.keys(recordOf('n2')).sort());
  for (const [field, values] of Object.entries(FLAWS)) {
    for (const value of values) {
      const record = { ...recordOf('n2', 'up', { version: 3 }), [field]: value } as MemberRecord;
      assert.equal(flawedFieldOf(record), field, `${field}: ${String(value).slice(0, 99)}`);
      assert.notEqual(flawOf(record, EMPTY), undefined);
    }
  }
});

test('no member is born in a later state than joining', () => {
  for (const state of ['up', 'leaving', 'gone'] as const) {
    const flaw = flawOf(recordOf('n2', state, { version: 1 }), EMPTY);
    assert.equal(flaw, `it is ${state} and has never joined`);
    // A node that was away may have missed that the member has joined.
    assert.equal(flawOf(recordOf('n2', state, { version: 2 }), EMPTY), undefined);
    // The successor of an owner takes its place at once.
    assert.equal(flawOf(recordOf('n2', state, { generation: 2, version: 1 }), EMPTY), undefined);
  }
});

test('a version takes a bounded step within a generation', () => {
  const list = new MemberList();
  list.merge(recordOf('n2', 'up', { version: 3 }));
  const flaw = (fields: Partial<MemberRecord>): string | undefined =>
    flawOf(recordOf('n2', 'up', fields), list);
  assert.equal(flaw({ version: 3 + MAX_VERSION_STEP }), undefined);
  assert.match(flaw({ version: 4 + MAX_VERSION_STEP }) ?? '', /version cannot follow/);
  assert.equal(flaw({ generation: 2, version: 4 + MAX_VERSION_STEP }), undefined);
  assert.match(flaw({ generation: 2 + MAX_VERSION_STEP }) ?? '', /generation cannot follow/);
  assert.equal(flaw({ version: 1, generation: 2 }), undefined);
});

test('a version that the member could not exceed follows no other', () => {
  assert.equal(mayFollow(MAX_RECORD_VERSION, MAX_RECORD_VERSION - 1), true);
  assert.equal(mayFollow(MAX_RECORD_VERSION + 1, MAX_RECORD_VERSION), false);
});
