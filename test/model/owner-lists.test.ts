/**
 * A random search over histories of numbered owner lists: none has two lists of one number, a read
 * that misses an acknowledged write, two winners, or a change that never ends. Each planted bug has
 * a counterexample. Bugs that need too rare histories are in `test/core/list-ballot.test.ts`.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { isLongRun } from '../sets.ts';
import { type Plan, type Planted, search } from './owner-lists.ts';

const IS_ALL = isLongRun();
const COUNT = IS_ALL ? 4_000 : 100;

/** Disks are put back again and again, while the owners change. */
const RESTORED: Plan = {
  members: 3,
  nodes: 4,
  losses: 6,
  steps: 300,
  weights: { putBack: 3, lose: 0, save: 4, start: 6, fill: 4, propose: 3 },
};

const RULES: readonly Plan[] = [
  RESTORED,
  { members: 3, nodes: 3, losses: 3 },
  { members: 3, nodes: 5, losses: 3 },
  { members: 1, nodes: 3, losses: 1, deaths: 1 },
  { members: 2, nodes: 3, losses: 2 },
  { members: 4, nodes: 6, losses: 2, deaths: 1 },
  { members: 5, nodes: 6, losses: 2, deaths: 1, n: 5, w: 3, r: 3 },
  { members: 3, nodes: 5, w: 1, r: 3 },
  { members: 3, nodes: 5, hasDisaster: true },
  { members: 4, nodes: 5, hasMistake: true },
];

for (const plan of RULES) {
  test(`no history breaks a promise with ${JSON.stringify(plan)}`, (t) => {
    const { violation, seed, reached } = search(plan, 1, COUNT);
    assert.equal(violation?.what, undefined, `seed ${seed}\n${violation?.trace.join('\n')}`);
    const { settled, acked, won, read, forced } = reached;
    const least = Math.min(settled, acked, won, read);
    assert.ok(least > COUNT / 10, `too little happens: ${JSON.stringify(reached)}`);
    if (plan.hasDisaster === true || plan.hasMistake === true) assert.ok(forced > COUNT / 2);
    t.diagnostic(JSON.stringify(reached));
  });
}

/** Mostly ballots, by nodes whose disks are put back. */
const VOTES: Plan = {
  members: 3,
  nodes: 4,
  losses: 5,
  weights: {
    request: 0.1,
    propose: 4,
    start: 6,
    lose: 0,
    putBack: 3,
    save: 4,
    gossip: 0.3,
    fill: 1,
  },
};
/** Mostly writes to replicas that are filled again. */
const FILLS: Plan = {
  members: 3,
  nodes: 3,
  losses: 5,
  weights: { propose: 0.02, lose: 0, putBack: 3, save: 4, start: 6, fill: 6 },
};
const CHANGES: Plan = { members: 3, nodes: 5, swaps: 0.1, weights: { cut: 1 } };
const ALL: Plan = { members: 3, nodes: 5, losses: 3 };
const OFTEN = { propose: 5, stop: 0.1, cut: 0.1 };

/** The plan that finds each planted bug. `isLong`: it needs too many histories for `npm test`. */
const PLANTED: Readonly<Record<Planted, Plan & { readonly isLong?: boolean }>> = {
  'a later list is no reason to refuse': ALL,
  'writes ask no next owners': CHANGES,
  'reads ask no next owners': { ...CHANGES, isLong: true },
  'a change ends at once': ALL,
  'one source fills': { ...ALL, isLong: true },
  'incomplete sources fill': {
    ...RESTORED,
    swaps: 0.1,
    weights: { ...RESTORED.weights, request: 6, cut: 0.2, stop: 0.2 },
    isLong: true,
  },
  'a replica counts after a break': { ...ALL, isLong: true },
  'owners that stay need no filling': { members: 3, nodes: 4, isLong: true },
  'other next owners need no filling': { members: 1, nodes: 4, weights: OFTEN, isLong: true },
  'an empty disk votes': { ...VOTES, weights: { ...VOTES.weights, lose: 2 } },
  'accepted lists are passed over': VOTES,
  'a disk that was put back votes at once': { ...VOTES, isLong: true },
  'a disk that was put back counts at once': ALL,
  'a start passes over what it finds': {
    ...VOTES,
    weights: { ...VOTES.weights, request: 2 },
    isLong: true,
  },
  'writes of earlier lives count': {
    ...FILLS,
    swaps: 0,
    weights: { ...FILLS.weights, request: 8 },
    isLong: true,
  },
  'next members vote': { members: 1, nodes: 3, deaths: 2 },
  'a forced list is the next one': { members: 3, nodes: 5, hasMistake: true },
  'completeness outlives an epoch': {
    members: 3,
    nodes: 3,
    hasMistake: true,
    weights: { ...OFTEN, request: 5 },
    isLong: true,
  },
};

for (const [planted, { isLong = false, ...plan }] of Object.entries(PLANTED)) {
  const skip = isLong && !IS_ALL;
  test(`a history shows the planted bug: ${planted}`, { skip }, (t) => {
    const { violation, seed } = search({ ...plan, planted: planted as Planted }, 1, 60_000);
    assert.ok(violation !== undefined, 'no promise was broken');
    t.diagnostic(`seed ${seed}: ${violation.what}, ${violation.trace.length} steps`);
  });
}
