/** Tests the filter of absent keys. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { CommitQueue } from '../../src/storage/commit-queue.ts';
import { FILTER_KEYS } from '../../src/storage/limits.ts';
import { MemoryDisk } from '../../src/storage/memory.ts';
import { KeyFilter } from '../../src/storage/replica/key-filter.ts';
import { ReplicaRows } from '../../src/storage/replica/replica-rows.ts';
import { differing, listingSlowly } from '../fixtures/differing-engine.ts';
import { ManualClock, nextTurn } from '../fixtures/fake-env.ts';

test('a filter has every key that was added, full or not', () => {
  fc.assert(
    fc.property(
      fc.array(fc.string({ unit: 'binary' })),
      fc.integer({ min: 0, max: 5 }),
      (keys, fill) => {
        const filter = new KeyFilter(0);
        for (let i = 0; i < fill * FILTER_KEYS; i++) filter.add(`other${i}`);
        for (const key of keys) filter.add(key);
        assert.ok(keys.every((key) => filter.mayHave(key)));
      },
    ),
    { numRuns: 50 },
  );
});

for (const keys of [FILTER_KEYS, 50_000])
  test(`a filter for ${keys} keys is full at twice as many at the earliest, and seldom wrong`, () => {
    const filter = new KeyFilter(keys);
    let added = 0;
    while (!filter.isFull) filter.add(`key${added++}`);
    assert.ok(added > 2 * keys && added < 5 * keys, String(added));
    let errors = 0;
    for (let i = 0; i < 20_000; i++) errors += Number(filter.mayHave(`absent${i}`));
    assert.ok(errors < 400, `${errors} of 20 000`);
  });

test('a key that is added again does not fill a filter', () => {
  const filter = new KeyFilter(0);
  for (let i = 0; i < 100_000; i++) filter.add(`key${i % 100}`);
  assert.equal(filter.isFull, false);
});

test('a count that begins during another one does not take its filter', async () => {
  const engine = await differing(new MemoryDisk(), listingSlowly)();
  const clock = new ManualClock();
  const queue = new CommitQueue(engine, { clock, sync: true, onFailure: assert.fail });
  const rows = new ReplicaRows(0, engine);
  const first = rows.count({ engine, queue });
  await nextTurn();
  const second = rows.count({ engine, queue });
  await first;
  rows.countChange('late', { before: 0, after: 1 });
  await second;
  assert.equal(rows.isSurelyAbsent('late'), false);
  assert.equal(rows.isSurelyAbsent('never'), true);
});
