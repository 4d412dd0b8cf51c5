/**
 * Pauses, and random lengths for them. Nodes that start something at the same moment would
 * otherwise repeat it in step.
 */
import type { Clock, Random } from './env.ts';

/** Resolves after `ms`. */
export function pause(clock: Pick<Clock, 'after'>, ms: number): Promise<void> {
  return new Promise((resolve) => void clock.after(ms, resolve));
}

/** Draws a fraction, 0 ≤ x < 1. */
export function fraction(random: Random): number {
  return random.uint32() / 2 ** 32;
}

/** Draws a delay in ms between `ms × (1 − spread)` and `ms × (1 + spread)`. */
export function jittered(random: Random, ms: number, spread = 0.5): number {
  return ms * (1 - spread + 2 * spread * fraction(random));
}

/**
 * The pause in ms after failed round `round`, counted from 0. Each pause is about twice as long as
 * the last, up to about `mostMs`.
 */
export function backoff(
  random: Random,
  round: number,
  { firstMs, mostMs }: { firstMs: number; mostMs: number },
): number {
  return jittered(random, Math.min(firstMs * 2 ** round, mostMs));
}
