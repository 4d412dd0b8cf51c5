/** Planted bugs of conditions, expiry, reads and listings, which users see at once. */
import { type Bug, BUSY, OFTEN, PATIENT, RIVALS, USUAL } from './planted-draws.ts';

const core = (name: string): string => `src/core/${name}.js`;
const coordinator = (name: string): string => `src/cluster/coordinator/${name}.js`;

/** Bugs of conditional writes. */
export const CONDITIONS: readonly Bug[] = [
  {
    name: 'a decided store counts without a current number',
    file: 'src/cluster/holders/local.js',
    good: 'else if (!this.takeGrant(item, grant))',
    bad: 'else if (false)',
    draw: RIVALS,
  },
  {
    name: 'a key is granted to two writes at once',
    file: 'src/cluster/holders/key-grants.js',
    good: 'if (held !== undefined && held.untilMs > nowMs)',
    bad: 'if (false)',
    also: [
      {
        file: 'src/cluster/holders/key-grants.js',
        good: 'if (byKey.get(key)?.number !== number)',
        bad: 'if (false)',
      },
      {
        file: 'src/cluster/holders/key-grants.js',
        good: 'if (this.#lapsed.mustYield(key, coordinator, nowMs))',
        bad: 'if (false)',
      },
    ],
    draw: RIVALS,
  },
  {
    name: 'a condition is decided on the versions of one owner',
    file: 'src/core/quorum/joint-tally.js',
    good: "const majority = quorumSize('quorum', owners.length);",
    bad: 'const majority = 1;',
    draw: {
      faults: ['cut in two', 'one cut off'],
      operationNames: ['match'],
      nodes: 3,
      set: { ...OFTEN, keysEach: 1, quorum: { n: 3, r: 'one', w: 'one' }, queries: [{}] },
    },
  },
  {
    name: 'a repeat is acknowledged although a rival may have won',
    file: core('quorum/decision'),
    good: 'if (made !== undefined && !isWon(asked, told))',
    bad: 'if (false)',
    // Each client repeats its write if the outcome is not known.
    draw: {
      ...RIVALS,
      operationNames: ['idempotent match'],
      set: { ...RIVALS.set, partitions: 1, clients: 8, queries: [{ timeoutMs: 2_500 }, PATIENT] },
    },
  },
];

/** Bugs of reads and listings. */
export const READERS: readonly Bug[] = [
  {
    name: 'expiry removes all versions of a key, not only the expired ones',
    file: 'src/cluster/coordinator/expiry.js',
    good: 'await this.#parts.remove(key, hidden);',
    bad: 'await this.#parts.remove(key, expiring.versionsOf(key));',
    draw: {
      faults: ['one cut off'],
      operationNames: ['write for a while', 'blind', 'read'],
      nodes: 3,
      set: { chaosMs: 12_000, keysEach: 2 },
    },
  },
  {
    name: 'a node uses its own wall clock alone',
    file: 'src/cluster/wall-time.js',
    good: 'return majorityMicros(known, owners.length);',
    bad: 'return this.#clock.wallMicros();',
    draw: { faults: ['clock jumps'], operationNames: ['write for a while', 'read'] },
  },
  {
    name: 'expired versions are shown',
    file: core('value/visible'),
    good: 'return shown.every(isLiving) ? shown : shown.filter(isLiving);',
    bad: 'return shown;',
    draw: {
      faults: ['one cut off'],
      operationNames: ['write for a while', 'read'],
      nodes: 3,
      set: { ...OFTEN, keysEach: 2 },
    },
  },
  {
    name: 'a write that was sent twice is shown twice',
    file: core('value/visible'),
    good: 'return twins.size === 0 ? versions :',
    bad: 'return true ? versions :',
    draw: {
      faults: ['one cut off', 'crash'],
      operationNames: ['write twice', 'idempotent', 'read'],
      nodes: 3,
      set: { ...OFTEN, keysEach: 2, queries: [{ timeoutMs: 500 }] },
    },
  },
  {
    name: 'X-Mec-Seen is ignored',
    file: coordinator('get'),
    good: 'return (this.#request.seen ?? []).every(',
    bad: 'return [].every(',
    draw: {
      faults: ['one cut off', 'slow disk'],
      operationNames: ['read on', 'write'],
      nodes: 3,
      set: { ...OFTEN, keysEach: 2, stayRate: 0.5, queries: [{ r: 1, w: 1 }] },
    },
  },
  {
    name: 'a page of a listing ends with the answer that reaches farthest',
    file: coordinator('list'),
    good: 'compareUtf8(answer.until, until) < 0)',
    bad: 'compareUtf8(answer.until, until) > 0)',
    // A partition has more keys than one answer. Of five nodes, no two own the same keys.
    draw: {
      faults: ['one cut off'],
      operationNames: ['list', 'blind', 'blind', 'blind'],
      nodes: 5,
      set: { ...OFTEN, keysEach: 40, partitions: 3, quorum: USUAL, queries: [{ pw: 'quorum' }] },
    },
  },
  {
    name: 'a listing omits keys on which the owners disagree',
    file: coordinator('list'),
    good: 'if (versions.length > 0)',
    bad: 'if (false)',
    draw: {
      faults: ['one cut off', 'slow disk'],
      operationNames: ['list', 'blind'],
      nodes: 3,
      operations: 200,
      set: { ...OFTEN, quorum: USUAL, queries: [{}] },
    },
  },
  {
    name: 'pw is ignored',
    file: coordinator('put'),
    good: 'new WriteQuorum({ any: w, owners: pw }, place.view, holders.isAway)',
    bad: 'new WriteQuorum({ any: w }, place.view, holders.isAway)',
    draw: {
      faults: ['owners out of reach, and back', 'one cut off'],
      operationNames: ['read', 'write'],
      nodes: 5,
      set: { ...BUSY, quorum: USUAL, chaosMs: 20_000, queries: [{ pr: 'quorum', pw: 'quorum' }] },
    },
  },
];
