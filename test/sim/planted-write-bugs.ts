/** Planted bugs of writes and of the promises that they count. */
import { type Bug, BUSY, NO_NEXT_OWNERS, OFTEN, PATIENT, USUAL } from './planted-draws.ts';

const core = (name: string): string => `src/core/${name}.js`;
const holders = (name: string): string => `src/cluster/holders/${name}.js`;
const memory = 'src/storage/replica/replica-memory.js';

/** Users that write at nodes with slow disks, and wait. */
const SLOW_WRITES = {
  operationNames: ['write', 'read', 'read'],
  nodes: 3,
  set: { ...BUSY, diskMs: 2, chaosMs: 20_000, quorum: USUAL, queries: [PATIENT] },
} as const;

/** Bugs of promises and memories of writes. */
export const WRITES: readonly Bug[] = [
  {
    name: 'an acknowledgement of a replica that was replaced counts',
    file: core('quorum/write-quorum'),
    good: 'if (this.#fences.length > 0)',
    bad: 'if (false)',
    draw: { ...SLOW_WRITES, faults: ['an owner loses a write that it has acknowledged'] },
  },
  {
    name: 'a decided store counts after the ground of its number has ended',
    file: holders('local'),
    good: 'onAnswer(isOver &&',
    bad: 'onAnswer(false &&',
    draw: {
      ...SLOW_WRITES,
      operationNames: ['match', 'read', 'read'],
      faults: ['an owner loses a write that it has acknowledged'],
    },
  },
  {
    name: 'an acknowledgement of an unknown life counts',
    file: holders('remote'),
    good: 'const isKnown = reply.life === life ||',
    bad: 'const isKnown = true ||',
    draw: {
      ...SLOW_WRITES,
      faults: ['an owner that filled another starts again'],
      operations: 2_000,
      // Fences last for two minutes.
      set: { ...SLOW_WRITES.set, chaosMs: 150_000, faultGapMs: 1_000 },
    },
  },
  {
    name: 'the filter of absent keys does not learn of new ones',
    file: 'src/storage/replica/replica-rows.js',
    good: 'this.#filter?.add(key)',
    bad: 'undefined',
    draw: { operationNames: ['write', 'read', 'read'], nodes: 3, set: { ...OFTEN, quorum: USUAL } },
  },
  {
    name: 'a write that replaces does not read',
    file: 'src/cluster/coordinator/put.js',
    good: 'return request.replace === true ? replace(',
    bad: 'return false ? replace(',
    draw: {
      faults: ['one cut off'],
      operationNames: ['set', 'blind', 'read'],
      nodes: 3,
      set: { ...OFTEN, keysEach: 2, quorum: USUAL, queries: [{}] },
    },
  },
  {
    name: 'a write that replaces reads too few replicas',
    file: 'src/cluster/coordinator/put.js',
    good: 'const { object } = await parts.get(request);',
    bad: 'const { object } = await parts.get({ ...request, r: 1 });',
    draw: {
      faults: ['one cut off'],
      operationNames: ['set', 'blind', 'read'],
      nodes: 3,
      set: { ...OFTEN, keysEach: 2, quorum: USUAL, queries: [{}] },
    },
  },
  {
    name: 'dots that are news to a node are refused without asking for them',
    file: 'src/cluster/coordinator/unseen-dots.js',
    good: 'this.#unknown = this.#unknown.minus(state.object.context);',
    bad: '',
    draw: { faults: ['one cut off'], nodes: 3, set: { ...OFTEN, quorum: USUAL, queries: [{}] } },
  },
  {
    name: 'dots that only a silent member may know are left out',
    file: 'src/cluster/coordinator/unseen-dots.js',
    good: 'this.#isEachHeard && ',
    bad: '',
    draw: {
      faults: ['one cut off', 'cut in two'],
      operationNames: ['read', 'write', 'resolve', 'delete'],
      nodes: 3,
      set: { ...OFTEN, keysEach: 2, queries: [{ r: 1, w: 1 }] },
    },
  },
  {
    name: 'the answers of a batch are in the order in which they came',
    file: 'src/http/batch-route.js',
    good: 'this.#answers[index] = told;',
    bad: 'this.#answers.push(told);',
    draw: { operationNames: ['batch'], nodes: 3 },
  },
  {
    name: 'a write that was sent fails with `damaged`',
    file: core('quorum/tally'),
    good: 'if (this.#timedOut)',
    bad: `if (this.#isDamaged && !this.#timedOut)
            return new MecError('damaged', { have, need, detail: count, retryAfter: 1 });
        if (this.#timedOut)`,
    draw: {
      faults: ['unreadable block', 'a record damaged on every disk'],
      operationNames: ['blind', 'read'],
      nodes: 5,
      set: { ...OFTEN, quorum: USUAL, queries: [{ w: 'all' }] },
    },
  },
  {
    name: 'memories of writes expire by the wall clock',
    file: memory,
    good: '#isExpired({ atMs }) {',
    bad: '#isExpired({ memory: { madeMicros } }, nowMicros) {',
    also: [
      {
        file: memory,
        good: 'return atMs + IDEMPOTENCY_MS <= this.#clock.monotonicMs();',
        bad: 'return madeMicros + 1000 * IDEMPOTENCY_MS <= nowMicros;',
      },
      {
        file: memory,
        good: 'recall(key, idempotencyKey) {',
        bad: 'recall(key, idempotencyKey, nowMicros) {',
      },
      {
        file: memory,
        good: 'this.#isExpired(learnt) ?',
        bad: 'this.#isExpired(learnt, nowMicros) ?',
      },
      {
        file: memory,
        good: '!this.#isExpired(learnt) &&',
        bad: '!this.#isExpired(learnt, memory.madeMicros) &&',
      },
      {
        file: holders('local-grant'),
        good: 'recall(key, idempotencyKey)',
        bad: 'recall(key, idempotencyKey, parts.time.nowMicros(members.owners(partition)))',
      },
    ],
    draw: {
      faults: ['clock jumps', 'bad weather'],
      operationNames: ['idempotent', 'delete', 'read'],
      nodes: 3,
      set: { ...OFTEN, faultGapMs: 300, keysEach: 1, quorum: USUAL, queries: [{ timeoutMs: 500 }] },
    },
  },
  {
    name: 'a node that knows only some members serves keys',
    file: 'src/cluster/membership/members.js',
    good: 'return this.replicas > 0 && this.isInformed;',
    bad: 'return this.replicas > 0;',
    also: [NO_NEXT_OWNERS],
    draw: {
      faults: ['a wiped node hears one that does not hear it'],
      operationNames: ['write', 'read'],
      nodes: 3,
      set: { ...BUSY, chaosMs: 20_000, quorum: USUAL, queries: [{}] },
    },
  },
  {
    name: 'a quorum counts only the owners that its coordinator knows',
    file: core('quorum/owner-quorum'),
    good: 'for (const set of this.#sets) {',
    bad: 'for (const set of []) {',
    draw: {
      faults: ['an owner is replaced while a write waits'],
      operationNames: ['blind', 'write', 'read', 'read'],
      nodes: 3,
      operations: 400,
      set: {
        ...BUSY,
        // A newcomer becomes an owner of most partitions, but not of all.
        partitions: 3,
        clients: 8,
        stayRate: 0.5,
        isFirstFaultEarly: true,
        chaosMs: 22_000,
        quorum: USUAL,
        queries: [{ pr: 'quorum', pw: 'quorum', ...PATIENT }],
        // The newcomer must be filled while the request waits.
        limits: { intervalMs: 300, resyncMs: 20, busyMs: 500 },
      },
    },
  },
  {
    name: 'the signature of a token is not checked',
    file: core('causality/token-signature'),
    good: "return isSigned ? 'signed' : 'forged';",
    bad: "return 'signed';",
    draw: { operationNames: ['write', 'forge', 'read'], nodes: 3 },
  },
  {
    name: 'a key signs before all members have it',
    file: 'src/cluster/membership/token-key-exchange.js',
    good: 'this.#kept.has(id) && others.every(',
    bad: 'this.#kept.has(id) || others.every(',
    draw: { operationNames: ['write', 'read'], nodes: 5 },
  },
];
