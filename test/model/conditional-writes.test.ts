/**
 * An exhaustive search over conditional writes. With all rules there is no violation in any order
 * of events, and each rule that is left out has a counterexample. `npm run test:model` searches all
 * plans; other runs leave out the long ones.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Plan, Planted, Violation } from './conditional-writes.ts';
import { isLongRun } from '../sets.ts';
import { type Found, search } from './search.ts';

const IS_ALL = isLongRun();

interface Entry {
  readonly plan: Plan;
  /** Whether the search is too long for `npm test`. */
  readonly isLong?: boolean;
}

const twoCreate = ['create', 'create'] as const;
const mixed = ['create', 'swap', 'swap'] as const;
const repeated = ['once', 'once', 'swap'] as const;
const locked = ['lock', 'lock', 'create'] as const;
/**
 * Owners exchange state only in a refill. With this many writers there would otherwise be too many
 * states.
 */
const filled = { hasWipe: true, hasSync: false } as const;

const RULES: readonly Entry[] = [
  { plan: { kinds: ['create', 'create', 'create'] } },
  { plan: { kinds: mixed } },
  { plan: { kinds: ['create', 'swap', 'blind'] } },
  { plan: { kinds: twoCreate, hasMemory: true } },
  { plan: { kinds: ['swap', 'swap'], hasMemory: true } },
  { plan: { kinds: twoCreate, hasWipe: true } },
  { plan: { kinds: ['blind', 'create'], hasWipe: true } },
  { plan: { kinds: twoCreate, hasWipe: true, hasMemory: true } },
  { plan: { kinds: mixed, hasWipe: true }, isLong: true },
  { plan: { kinds: ['create'], hasChange: true, hasMemory: true } },
  { plan: { kinds: twoCreate, hasChange: true }, isLong: true },
  { plan: { kinds: ['create', 'swap'], hasChange: true }, isLong: true },
  { plan: { kinds: ['swap', 'swap'], hasChange: true }, isLong: true },
  { plan: { kinds: repeated } },
  { plan: { kinds: repeated, ...filled }, isLong: true },
  { plan: { kinds: locked } },
  { plan: { kinds: ['lock', 'lock', 'swap'] } },
  { plan: { kinds: locked, ...filled }, isLong: true },
];

const NOT_THERE = 'acknowledged and not there';
const TWICE = 'one write under two dots';

/** The violation that each rule prevents. */
const PLANTED: Readonly<Record<Planted, Entry & { readonly finds: Violation }>> = {
  'holder counts': { plan: { kinds: twoCreate }, finds: 'two winners' },
  'early holder counts': { plan: { kinds: twoCreate }, finds: 'two winners' },
  'numbers begin again': { plan: { kinds: twoCreate }, finds: 'two winners' },
  'numbers outlive their ballot': { plan: { kinds: twoCreate }, finds: 'two winners' },
  'grants read the disk': { plan: { kinds: twoCreate, hasMemory: true }, finds: 'two winners' },
  'late grants join': { plan: { kinds: twoCreate, hasWipe: true }, finds: NOT_THERE },
  'empty owner grants': { plan: { kinds: twoCreate, hasWipe: true }, finds: 'two winners' },
  'no fence': { plan: { kinds: twoCreate, hasWipe: true }, finds: NOT_THERE },
  'one source': { plan: { kinds: twoCreate, hasWipe: true }, finds: NOT_THERE },
  'complete at once': { plan: { kinds: ['blind', 'create'], hasWipe: true }, finds: NOT_THERE },
  'stores outlive their ground': {
    plan: { kinds: ['create'], hasWipe: true, hasMemory: true },
    finds: NOT_THERE,
  },
  'old majority alone': { plan: { kinds: twoCreate, hasChange: true }, finds: NOT_THERE },
  'new majority alone': { plan: { kinds: twoCreate, hasChange: true }, finds: NOT_THERE },
  'numbers outlive a change': { plan: { kinds: twoCreate, hasChange: true }, finds: NOT_THERE },
  'any owner fills': { plan: { kinds: twoCreate, hasChange: true }, finds: NOT_THERE },
  'views may differ': {
    plan: { kinds: twoCreate, hasChange: true },
    isLong: true,
    finds: NOT_THERE,
  },
  'memory in the process': { plan: { kinds: repeated }, isLong: true, finds: TWICE },
  'memory is not refilled': { plan: { kinds: repeated, ...filled }, isLong: true, finds: TWICE },
  'repeats next to a rival': { plan: { kinds: locked }, isLong: true, finds: 'two winners' },
};

const nameOf = ({ kinds, ...rest }: Plan): string =>
  [kinds.join(', '), ...Object.entries(rest).map(([name, is]) => `${name} ${is}`)].join('; ');

const isSkipped = ({ isLong = false }: Entry): boolean => isLong && !IS_ALL;

/** Asserts that clients got every possible answer. Otherwise the search proves nothing. */
function assertTold({ kinds }: Plan, { told }: Found): void {
  assert.ok(told.has('200') && (told.has('412') || kinds.length === 1), [...told].join());
  const isRepeated = kinds.includes('once') || kinds.includes('lock');
  assert.equal(told.has('200 again'), isRepeated);
}

for (const entry of RULES) {
  test(
    `the model finds no violation with ${nameOf(entry.plan)}`,
    { skip: isSkipped(entry) },
    (t) => {
      const found = search(entry.plan);
      assert.equal(found.violation, undefined, found.trace.join('\n'));
      assert.ok(!found.isCut, 'all states were searched');
      assertTold(entry.plan, found);
      t.diagnostic(`${found.states} states`);
    },
  );
}

for (const [planted, { finds, ...entry }] of Object.entries(PLANTED) as [
  Planted,
  (typeof PLANTED)[Planted],
][]) {
  test(`the model finds the planted bug: ${planted}`, { skip: isSkipped(entry) }, (t) => {
    const found = search({ ...entry.plan, planted });
    assert.equal(found.violation, finds);
    t.diagnostic(`${found.states} states, ${found.trace.length} steps`);
  });
}
