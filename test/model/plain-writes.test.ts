/**
 * An exhaustive search over plain writes: no read misses an acknowledged write, and each rule that
 * is left out loses one.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { isLongRun } from '../sets.ts';
import { type Plan, type Planted, search } from './plain-writes.ts';

const IS_ALL = isLongRun();

interface Entry extends Plan {
  /** Whether the search is too long for `npm test`. */
  readonly isLong?: boolean;
}

const kinds = ['restarts', 'loses its disk'] as const;

const RULES: readonly Entry[] = [
  { n: 3, w: 2, crashes: 1 },
  { n: 3, w: 1, crashes: 1 },
  { n: 3, w: 3, crashes: 1 },
  { n: 3, w: 2, crashes: 2, kinds: ['replaces its replica'] },
  { n: 3, w: 2, crashes: 2, kinds, isLong: true },
  { n: 4, w: 3, crashes: 1, isLong: true },
  { n: 2, w: 2, r: 2, crashes: 0, replaced: 1 },
  { n: 2, w: 2, r: 2, crashes: 1, kinds: ['replaces its replica'], replaced: 1, isLong: true },
  { n: 3, w: 2, crashes: 0, replaced: 2, isLong: true },
  { n: 3, w: 2, crashes: 0, replaced: 0, isLong: true },
  { n: 3, w: 3, r: 2, crashes: 0, replaced: 2, isLong: true },
];

const PLANTED: Readonly<Record<Planted, Entry>> = {
  'fences are not told': { n: 3, w: 2, crashes: 1 },
  'any life counts': { n: 3, w: 2, crashes: 2, kinds, isLong: true },
  'one source too few': { n: 3, w: 2, crashes: 1 },
  'any known life is later': { n: 3, w: 2, crashes: 1 },
  'fills who is not known': { n: 3, w: 2, crashes: 2, kinds, isLong: true },
  'late questions take fences back': { n: 3, w: 2, crashes: 2, kinds: ['replaces its replica'] },
  'writes ask one set of owners': { n: 3, w: 2, crashes: 0, replaced: 2 },
  'reads ask one set of owners': { n: 3, w: 2, crashes: 0, replaced: 2 },
  'fills a stranger': { n: 3, w: 2, crashes: 0, replaced: 2 },
};

for (const { isLong = false, ...plan } of RULES) {
  test(`the model loses no write with ${JSON.stringify(plan)}`, { skip: isLong && !IS_ALL }, () => {
    const { trace, isAcknowledged, states } = search(plan);
    assert.equal(trace, undefined);
    assert.ok(isAcknowledged && states > 1_000, `${states} states prove nothing`);
  });
}

for (const [planted, { isLong = false, ...plan }] of Object.entries(PLANTED)) {
  test(`the model finds the planted bug: ${planted}`, { skip: isLong && !IS_ALL }, () => {
    const { trace } = search({ ...plan, planted: planted as Planted });
    assert.ok(trace !== undefined, 'no write was lost');
  });
}
