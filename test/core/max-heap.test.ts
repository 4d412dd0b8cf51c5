import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { MaxHeap } from '../../src/core/placement/max-heap.ts';

test('the top has the highest score, and of equal scores the lowest number', () => {
  const falls = fc.array(fc.nat(3), { minLength: 1, maxLength: 40 });
  fc.assert(
    fc.property(fc.array(fc.nat(9), { minLength: 1, maxLength: 9 }), falls, (scores, steps) => {
      const heap = new MaxHeap(scores.length, (item) => scores[item] as number);
      for (const step of steps) {
        const best = Math.max(...scores);
        assert.equal(heap.top, scores.indexOf(best));
        scores[heap.top] = best - step;
        heap.sink();
      }
    }),
  );
});
