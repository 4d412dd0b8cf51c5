/**
 * What kind of run a seed makes: how large the cluster is, what its users do, which faults occur, how often and for how long, and how
 * low the bounds lie. Every run leaves most of it out: what is rare in the mix of everything is common in a run that has little else
 * (Groce et al., "Swarm Testing", ISSTA 2012).
 */
import { SYNC_LIMITS, type SyncLimits } from '../base/limits.ts';
import { FAULTS, LEAST_MS } from './faults.ts';
import type { Dice } from './world.ts';

/** What a client may do. */
export const HABITS = ['read', 'write', 'blind', 'stale', 'delete', 'blind-delete', 'resolve'] as const;

/** One of `HABITS`. */
export type Habit = (typeof HABITS)[number];

/** A run, before anything has happened. */
export interface SimPlan {
  readonly nodes: number;
  /** Partitions in use, and keys in each. */
  readonly partitions: number;
  readonly keysEach: number;
  readonly clients: number;
  /** How often a client pauses; in between, it does one thing after the other. */
  readonly idleRate: number;
  /** How often a client stays with its node. */
  readonly stayRate: number;
  /** Each as often as it is listed. */
  readonly habits: readonly Habit[];
  /** Largest value. */
  readonly valueBytes: number;
  /** Usual delay of a disk's batch, at most, and of a frame. */
  readonly diskMs: number;
  readonly networkMs: number;
  readonly faults: readonly string[];
  /** Pause between two faults, and how long each lasts, at most. */
  readonly faultGapMs: number;
  readonly faultMs: number;
  /** How long faults strike, and clients do what they do. */
  readonly chaosMs: number;
  readonly limits: SyncLimits;
  /** What a disk does to one record in the end, when all is at rest; nobody is told. */
  readonly silent: 'nothing' | 'lose' | 'misplace';
}

/** What the seed is not asked for. */
export interface PlanGiven {
  readonly nodes?: number | undefined;
  readonly faults?: readonly string[] | undefined;
}

const SLOW_RATE = 0.03;

/** Draws a plan. */
export function drawPlan(dice: Dice, given: PlanGiven): SimPlan {
  const isSlow = dice.chance(SLOW_RATE);
  const plan = {
    nodes: dice.pick([3, 3, 3, 3, 4, 5, 5, 5, 6, 7]),
    partitions: dice.pick([1, 1, 2, 3]),
    keysEach: dice.pick([1, 2, 4, 8]),
    clients: dice.pick([3, 5, 8]),
    idleRate: dice.pick([0.03, 0.1, 0.3, 1]),
    stayRate: dice.pick([0.5, 0.8, 0.95]),
    habits: drawHabits(dice),
    valueBytes: dice.pick([0, 0, 200, 3_000]),
    diskMs: dice.pick([2, 10, 25, 60]),
    networkMs: dice.pick([1, 1, 5, 20]),
    faults: drawFaults(dice),
    faultGapMs: dice.pick([1_000, 3_000, 6_000]),
    faultMs: dice.pick([1_000, 4_000, 8_000, 15_000]),
    chaosMs: dice.pick([6_000, 12_000, 20_000, 30_000]),
    limits: drawLimits(dice),
    silent: dice.pick(['nothing', 'nothing', 'lose', 'misplace'] as const),
    ...(given.nodes !== undefined && { nodes: given.nodes }),
    ...(given.faults !== undefined && { faults: given.faults }),
  };
  const leastMs = Math.max(...plan.faults.map((name) => LEAST_MS[name] ?? 0));
  const chaosMs = Math.max(plan.chaosMs, leastMs);
  // Minutes: processes that are stopped for longer than anything waits.
  return isSlow ? { ...plan, faultGapMs: 20_000, faultMs: 240_000, chaosMs: 400_000 } : { ...plan, chaosMs };
}

function drawHabits(dice: Dice): Habit[] {
  const habits = HABITS.flatMap((habit) => Array.from({ length: dice.pick([0, 1, 1, 3]) }, () => habit));
  return ['read', 'write', ...habits];
}

function drawFaults(dice: Dice): string[] {
  const rate = dice.pick([0.1, 0.2, 0.5]);
  const names = Object.keys(FAULTS);
  const faults = names.filter(() => dice.chance(rate));
  return faults.length === 0 ? [dice.pick(names)] : faults;
}

function drawLimits(dice: Dice): SyncLimits {
  return {
    ...SYNC_LIMITS,
    maxLogEntries: dice.pick([4, 16, 64, 4_096]),
    logCutEntries: dice.pick([1, 4, 16, 256]),
    intervalMs: dice.pick([300, 1_000, 1_000, 3_000]),
    nudgeMs: dice.pick([20, 200, 1_000]),
    busyMs: dice.pick([500, 3_000, 15_000]),
    restMs: dice.pick([50, 500]),
    lostAfterMs: 6_000,
    concurrency: dice.pick([1, 4]),
    pageDots: dice.pick([1, 3, 20, 500]),
    pageBytes: dice.pick([100, 2_000, 500_000]),
    maxPages: dice.pick([1, 3, 64]),
    timeoutMs: dice.pick([2_000, 4_000]),
    snapshotRounds: dice.pick([2, 16]),
    scrubMs: dice.pick([300, 1_000]),
    scrubRows: dice.pick([3, 1_000]),
  };
}
