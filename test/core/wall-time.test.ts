import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { agreedMicros, majorityMicros } from '../../src/core/value/wall-time.ts';

test('majorityMicros is the latest time that a majority of all clocks has reached', () => {
  const cases: [number[], number, number | undefined][] = [
    [[5], 1, 5],
    [[5, 9], 2, 5],
    [[9, 5, 7], 3, 7],
    [[5, 3_600], 3, 5], // the third is unknown, so both must have reached it
    [[3_600], 3, undefined],
    [[], 1, undefined],
    [[1, 2, 3, 4], 4, 2],
    [[1, 2, 3, 4, 5], 5, 3],
    [[9, 9, 1], 5, 1],
    [[9, 9], 5, undefined],
  ];
  for (const [known, count, expected] of cases)
    assert.equal(majorityMicros(known, count), expected, JSON.stringify([known, count]));
});

test('majorityMicros stays among the correct clocks if a minority is wrong', () => {
  const right = fc.integer({ min: 100, max: 110 });
  fc.assert(
    fc.property(
      fc.array(right, { minLength: 1, maxLength: 5 }),
      fc.array(fc.integer(), { maxLength: 4 }),
      (good, bad) => {
        const wrong = bad.slice(0, good.length - 1);
        const time = majorityMicros([...good, ...wrong], good.length + wrong.length) as number;
        assert.ok(time <= Math.max(...good) && time >= Math.min(...good));
      },
    ),
  );
});

test('agreedMicros is the own time within the tolerance or without a majority', () => {
  assert.equal(agreedMicros(100, 105, 5), 100);
  assert.equal(agreedMicros(100, 95, 5), 100);
  assert.equal(agreedMicros(100, 106, 5), 106);
  assert.equal(agreedMicros(100, 94, 5), 94);
  assert.equal(agreedMicros(100, undefined, 5), 100);
});
