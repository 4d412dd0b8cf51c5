/** Planted bugs of kept member lists, and of damaged keys that a snapshot passes over. */
import { type Bug, BUSY, NO_NEXT_OWNERS, OFTEN, USUAL } from './planted-draws.ts';

const membership = (name: string): string => `src/cluster/membership/${name}.js`;

/** Bugs of the lists that nodes keep for their next start. */
export const LISTS: readonly Bug[] = [
  {
    name: 'a node relies on a kept list although members were joining',
    file: membership('list-trust'),
    good: 'return this.#isInformed && this.#awaited.size === 0;',
    bad: 'return this.#isInformed;',
    also: [NO_NEXT_OWNERS],
    draw: {
      faults: ['all are killed, and each is alone'],
      operationNames: ['write', 'read'],
      nodes: 3,
      set: { ...BUSY, diskMs: 400, quorum: USUAL, queries: [{}], isFirstFaultEarly: true },
    },
  },
  {
    name: 'a node keeps a list of some members only',
    file: membership('list-trust'),
    good: 'get isWorthKeeping() {\n        return this.#isInformed;',
    bad: 'get isWorthKeeping() {\n        return true;',
    also: [
      NO_NEXT_OWNERS,
      // Such a node is joining, so it would wait for its own state.
      {
        file: membership('list-trust'),
        good: '({ state }) => this.#hasMetOthers &&',
        bad: '({ state, name: other }) => other !== self &&',
      },
    ],
    draw: {
      faults: ['a wiped node hears one that does not hear it'],
      operationNames: ['write', 'read'],
      nodes: 3,
      set: { ...BUSY, chaosMs: 20_000, quorum: USUAL, queries: [{}] },
    },
  },
  {
    name: 'a node says that it has settled before it has kept its list',
    file: membership('lifecycle'),
    good: 'const isSettled = done === all && isKept(members.nextHash);',
    bad: 'const isSettled = done === all;',
    draw: {
      faults: ['all are killed as a node joins'],
      operationNames: ['match', 'create'],
      nodes: 3,
      operations: 300,
      set: { ...OFTEN, keysEach: 1, partitions: 3, chaosMs: 18_000, quorum: USUAL, queries: [{}] },
    },
  },
  {
    name: 'a member goes back to an earlier state by a higher version',
    file: 'src/core/placement/member-list.js',
    good: 'if (a.state !== b.state)',
    bad: "if (a.state !== b.state && (a.version === b.version || [a, b].some(({ state }) => state === 'gone')))",
    draw: {
      faults: ['a wiped node hears one that does not hear it'],
      operationNames: ['write', 'read'],
      nodes: 3,
      operations: 100,
      set: { ...BUSY, chaosMs: 20_000, quorum: USUAL, queries: [{}] },
    },
  },
  {
    name: 'an owner that joins again is an owner less',
    file: 'src/core/placement/member-list.js',
    good: "return isSuccessor ? { ...record, ...placementFieldsOf(known), state: 'up' } : record;",
    bad: 'return record;',
    draw: {
      faults: ['wiped, and back at once', 'all are killed, and each is alone'],
      operationNames: ['write', 'read'],
      nodes: 3,
      operations: 100,
      set: { ...OFTEN, chaosMs: 20_000, faultGapMs: 200, quorum: USUAL, queries: [{}] },
    },
  },
];

const snapshot = 'src/cluster/sync/snapshot.js';

/** A key is damaged at a node that catches up by snapshots. */
const damagedKeys = (
  operationNames: readonly string[],
  pageDots: number,
): NonNullable<Bug['draw']> => ({
  faults: ['a key damaged under a snapshot'],
  operationNames,
  nodes: 3,
  operations: 300,
  set: {
    ...BUSY,
    keysEach: 16,
    clients: 3,
    stayRate: 0.95,
    faultGapMs: 8_000,
    chaosMs: 20_000,
    quorum: USUAL,
    queries: [{ r: 1, w: 1 }],
    limits: { maxLogEntries: 4, logCutEntries: 1, scrubMs: 1e9, intervalMs: 2_000, pageDots },
  },
});

/** Bugs of snapshots that pass over damaged keys. */
export const MARKS: readonly Bug[] = [
  {
    name: 'a snapshot is adopted without a marked key',
    file: snapshot,
    good: '[...new Set([...watch.take(), ...replica.marks.keys()])]',
    bad: '[...watch.take()]',
    draw: damagedKeys(['write', 'read', 'read', 'delete'], 20),
  },
  {
    name: 'a snapshot is adopted although a key was damaged since it began',
    file: snapshot,
    good: 'if (replica.marks.madeCount !== madeCount)\n        return undefined;',
    bad: '',
    also: [
      {
        file: snapshot,
        good: 'if (replica.marks.madeCount !== madeCount)\n                return false;',
        bad: '',
      },
    ],
    draw: damagedKeys(['write', 'read'], 1),
  },
];
