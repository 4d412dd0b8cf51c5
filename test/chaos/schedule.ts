/** The schedule of faults, drawn from a seed before the run. */
import { Dice } from '../../src/sim/world.ts';
import { FAULTS } from './faults.ts';

/** One future fault. */
export interface Step {
  /** Milliseconds after the start of its epoch. */
  readonly atMs: number;
  readonly fault: string;
  readonly durationMs: number;
  /** Draws its victims. */
  readonly seed: number;
}

/** The faults between two rests, and their duration. */
export interface Epoch {
  readonly steps: readonly Step[];
  readonly lengthMs: number;
}

const LEAST_EPOCH_MS = 15_000;
const MORE_EPOCH_MS = 20_000;
const LEAST_GAP_MS = 300;
const MORE_GAP_MS = 4_000;
/** Disks that may be lost between two rests: fewer than W, which is two. */
const DISK_LOSSES = 1;

/** Draws the next epoch. `only` names the faults that may be drawn. */
export function drawEpoch(dice: Dice, only: readonly string[] = Object.keys(FAULTS)): Epoch {
  const lengthMs = LEAST_EPOCH_MS + dice.below(MORE_EPOCH_MS);
  const urn = only.flatMap((name) => Array.from({ length: FAULTS[name]?.weight ?? 0 }, () => name));
  const steps: Step[] = [];
  let losses = 0;
  for (let atMs = 1_000; atMs < lengthMs; atMs += LEAST_GAP_MS + dice.below(MORE_GAP_MS)) {
    const fault = dice.pick(urn);
    const { leastMs = 0, mostMs = 0, isDiskLoss = false } = FAULTS[fault] ?? {};
    if (isDiskLoss && losses === DISK_LOSSES) continue;
    if (isDiskLoss) losses += 1;
    steps.push({
      atMs,
      fault,
      durationMs: leastMs + dice.below(mostMs - leastMs + 1),
      seed: dice.uint32(),
    });
  }
  return { steps, lengthMs };
}
