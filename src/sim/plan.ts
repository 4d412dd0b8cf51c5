/**
 * The plan of a run, drawn from its seed: the size of the cluster, the operations of its users, the
 * faults with their rates and durations, and the limits. Every plan leaves most operations and
 * faults out. An event that is rare in the mix of all is common in a run that has few others (Groce
 * et al., "Swarm Testing", 2012).
 */
import { DEFAULT_N, SYNC_LIMITS, type SyncLimits } from '../cluster/limits.ts';
import type { Config } from '../cluster/config.ts';
import type { Policy } from '../cluster/policies.ts';
import { FAULTS, MIN_FAULT_MS } from './faults.ts';
import { type OperationName, OPERATIONS } from './operations.ts';
import type { Query } from './user-options.ts';
import { KEY_POLICIES } from './key-policies.ts';
import { PENDING_FAULTS } from './pending-faults.ts';
import type { EncryptedFrom } from './machine-keys.ts';
import type { Dice } from './world.ts';

/** The plan of a run. */
export interface SimPlan {
  readonly nodes: number;
  /** The number of zones of the nodes, 0 for none, and the weights of the nodes in turn. */
  readonly zones: number;
  readonly weights: readonly number[];
  /** The number of partitions in use, and of keys in each. */
  readonly partitions: number;
  readonly keysEach: number;
  readonly clients: number;
  /** The share of operations after which a client pauses. */
  readonly idleRate: number;
  /** The share of operations for which a client stays with its node. */
  readonly stayRate: number;
  /** The operations of users. Each is drawn as often as it is listed. */
  readonly operationNames: readonly OperationName[];
  readonly quorum: Config['quorum'];
  readonly policies: readonly Policy[];
  /** The first letters of keys. */
  readonly keyPrefixes: readonly string[];
  /** The parameters of requests. Each is drawn as often as it is listed. */
  readonly queries: readonly Query[];
  /** The largest difference between the wall clocks of two machines. */
  readonly skewMs: number;
  /** The largest value, in bytes. */
  readonly valueBytes: number;
  /** The largest usual delay of a batch to a disk, and the usual delay of a frame. */
  readonly diskMs: number;
  readonly networkMs: number;
  readonly faults: readonly string[];
  /** The longest pause between two faults, and the longest duration of a fault. */
  readonly faultGapMs: number;
  readonly faultMs: number;
  /** Whether the first fault strikes as soon as all nodes have joined. */
  readonly isFirstFaultEarly: boolean;
  /** The time for which faults strike and clients work. */
  readonly chaosMs: number;
  readonly limits: SyncLimits;
  /** The silent damage of one record at the end, when all nodes are at rest. */
  readonly silent: 'nothing' | 'lose' | 'misplace';
  /** The start of a node from which on its store is encrypted. */
  readonly encryptedFrom: EncryptedFrom;
  /** Whether requests need proofs, and an operator changes identities. */
  readonly hasIdentities: boolean;
}

/** Parts of a plan, with parts of its quorum and of its limits. */
export type PlanParts = Partial<Omit<SimPlan, 'quorum' | 'limits'>> & {
  readonly quorum?: Partial<SimPlan['quorum']>;
  readonly limits?: Partial<SyncLimits>;
};

/** Parts of a plan that are not drawn from the seed. */
export interface PlanOverrides {
  readonly nodes?: number | undefined;
  /** Only these kinds of faults. */
  readonly faults?: readonly string[] | undefined;
  /** Only these operations of clients. */
  readonly operationNames?: readonly OperationName[] | undefined;
  /** Parts of the plan in place of those of the seed. */
  readonly set?: PlanParts | undefined;
  /** Whether to draw the faults and checks of `pending-faults.ts`, too. */
  readonly isPendingDrawn?: boolean | undefined;
}

const SLOW_RATE = 0.03;
const EARLY_RATE = 0.2;
/** Longer than any run: without a scrub, the damage that it would mend is seen. */
const NEVER_MS = 1e9;

/**
 * Operations that are drawn after all else. Without them, a seed has the same run as before there
 * were any: most seeds of `test/seeds.txt` show the faults for which they are kept.
 */
const LATER_OPERATIONS: readonly OperationName[] = ['set', 'set twice', 'batch', 'forge'];
const LATER_RATE = 0.2;
const ENCRYPTED_RATE = 0.1;
const IDENTITIES_RATE = 0.1;

/** Draws a plan. */
export function drawPlan(dice: Dice, overrides: PlanOverrides): SimPlan {
  const isSlow = dice.chance(SLOW_RATE);
  const { quorum, limits, ...parts } = overrides.set ?? {};
  const isDrawn = (name: string): boolean =>
    overrides.isPendingDrawn === true || !PENDING_FAULTS.has(name);
  const plan = {
    nodes: dice.pick([3, 3, 3, 3, 4, 5, 5, 5, 6, 7]),
    zones: dice.pick([0, 0, 0, 2, 3]),
    weights: dice.pick([[1], [1], [1], [1, 2], [4, 1, 1]]),
    partitions: dice.pick([1, 1, 2, 3]),
    keysEach: dice.pick([1, 2, 4, 8]),
    clients: dice.pick([3, 5, 8]),
    idleRate: dice.pick([0.03, 0.1, 0.3, 1]),
    stayRate: dice.pick([0.5, 0.8, 0.95]),
    operationNames: drawOperations(dice, isDrawn),
    quorum: { ...drawQuorum(dice, isDrawn), ...quorum },
    ...drawKeyPolicies(dice, isDrawn),
    queries: drawQueries(dice),
    valueBytes: dice.pick([0, 0, 200, 3_000]),
    diskMs: dice.pick([2, 10, 25, 60]),
    networkMs: dice.pick([1, 1, 5, 20]),
    faults: drawFaults(dice, isDrawn),
    skewMs: dice.pick([0, 0, 0, 500, 3_600_000]),
    faultGapMs: dice.pick([1_000, 3_000, 6_000]),
    faultMs: dice.pick([1_000, 4_000, 8_000, 15_000]),
    isFirstFaultEarly: dice.chance(EARLY_RATE),
    chaosMs: dice.pick([6_000, 12_000, 20_000, 30_000]),
    limits: { ...drawLimits(dice, isDrawn), ...limits },
    silent: dice.pick(['nothing', 'nothing', 'lose', 'misplace'] as const),
    ...(overrides.nodes !== undefined && { nodes: overrides.nodes }),
    ...(overrides.faults !== undefined && { faults: overrides.faults }),
    ...(overrides.operationNames !== undefined && { operationNames: overrides.operationNames }),
    ...parts,
  };
  // No other disk can put back a record of a single one. Without a scrub, no node misses a record.
  const isMended = plan.limits.scrubMs < NEVER_MS && Math.min(plan.quorum.n, plan.nodes) > 1;
  const leastMs = Math.max(...plan.faults.map((name) => MIN_FAULT_MS[name] ?? 0));
  const chaosMs = Math.max(plan.chaosMs, leastMs);
  const silent = isMended ? plan.silent : 'nothing';
  // In runs of minutes, processes are stopped for longer than any node waits.
  const slow = { faultGapMs: 20_000, faultMs: 240_000, chaosMs: 400_000 };
  const areGiven = (overrides.operationNames ?? parts.operationNames) !== undefined;
  const later = areGiven ? [] : LATER_OPERATIONS.filter(() => dice.chance(LATER_RATE));
  const operationNames = [...plan.operationNames, ...later];
  const encryptedFrom = parts.encryptedFrom ?? drawEncryption(dice);
  const hasIdentities = parts.hasIdentities ?? dice.chance(IDENTITIES_RATE);
  const last = { operationNames, encryptedFrom, hasIdentities };
  return { ...plan, ...last, silent, chaosMs, ...(isSlow && slow) };
}

/** It is drawn after all else, too, and most seeds have the same run as before. */
function drawEncryption(dice: Dice): EncryptedFrom {
  if (!dice.chance(ENCRYPTED_RATE)) return 'never';
  return dice.pick(['the first start', 'the second start']);
}

function drawOperations(dice: Dice, isDrawn: (name: string) => boolean): OperationName[] {
  const rate = dice.pick([0.15, 0.3, 0.6]);
  const names = (Object.keys(OPERATIONS) as OperationName[]).filter(
    (name) => !LATER_OPERATIONS.includes(name) && isDrawn(name) && dice.chance(rate),
  );
  const drawn = names.flatMap((name) => Array.from({ length: dice.pick([1, 1, 3]) }, () => name));
  return ['read', 'write', ...drawn];
}

function drawFaults(dice: Dice, isDrawn: (name: string) => boolean): string[] {
  const rate = dice.pick([0.05, 0.15, 0.4]);
  const names = Object.keys(FAULTS).filter(isDrawn);
  const faults = names.filter(() => dice.chance(rate));
  return faults.length === 0 ? [dice.pick(names)] : faults;
}

function drawQuorum(dice: Dice, isDrawn: (name: string) => boolean): Config['quorum'] {
  const usual = {
    n: DEFAULT_N,
    r: 'quorum',
    w: 'quorum',
    timeoutMs: dice.pick([1_000, 3_000, 5_000]),
  } as const;
  if (dice.chance(0.6)) return usual;
  const sizes = ['one', 'quorum', 'all', 2] as const;
  const n = dice.pick([isDrawn('keys kept once') ? 1 : 2, 2, 3, 3, 4, 5]);
  // A node with a number larger than n in its configuration does not start.
  const size = (): Config['quorum']['r'] => dice.pick(sizes.filter((each) => each !== 2 || n >= 2));
  return { ...usual, n, r: size(), w: size() };
}

function drawKeyPolicies(
  dice: Dice,
  isDrawn: (name: string) => boolean,
): Pick<SimPlan, 'keyPrefixes' | 'policies'> {
  const rate = dice.pick([0, 0, 0.2, 0.5]);
  const drawn = KEY_POLICIES.filter(
    ({ prefix }) => prefix === 'k' || (dice.chance(rate) && isDrawn(`kind ${prefix}`)),
  );
  return { keyPrefixes: drawn.map(({ prefix }) => prefix), policies: drawn };
}

const QUERIES: readonly Query[] = [
  {},
  { r: 1 },
  { r: 'all', w: 1 },
  { r: 1, w: 'all' },
  { pr: 'quorum', pw: 'quorum' },
  { pr: 'all', pw: 1 },
  { pr: 1, pw: 'all' },
  { r: 'quorum', w: 'quorum' },
  { timeoutMs: 500 },
  { timeoutMs: 8_000 },
];

function drawQueries(dice: Dice): Query[] {
  const rate = dice.pick([0, 0.2, 0.5]);
  return [{}, ...QUERIES.filter(() => dice.chance(rate))];
}

function drawLimits(dice: Dice, isDrawn: (name: string) => boolean): SyncLimits {
  return {
    ...SYNC_LIMITS,
    maxLogEntries: dice.pick([4, 16, 64, 4_096]),
    logCutEntries: dice.pick([1, 4, 16, 256]),
    intervalMs: dice.pick([300, 1_000, 1_000, 3_000]),
    resyncMs: dice.pick([20, 200, 1_000]),
    busyMs: dice.pick([500, 3_000, 15_000]),
    restMs: dice.pick([50, 500]),
    // This may be longer or shorter than nodes are away.
    lostAfterMs: isDrawn('gaps over absent members') ? 6_000 : 60_000,
    concurrency: dice.pick([1, 4]),
    pageDots: dice.pick([1, 3, 20, 500]),
    pageBytes: dice.pick([100, 2_000, 500_000]),
    maxPages: dice.pick([1, 3, 64]),
    timeoutMs: dice.pick([2_000, 4_000]),
    snapshotRounds: dice.pick([2, 16]),
    scrubMs: dice.pick([300, 1_000, NEVER_MS]),
    scrubRows: dice.pick([3, 1_000]),
  };
}
