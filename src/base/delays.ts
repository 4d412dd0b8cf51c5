/** Delays that differ from one to the next, so that what began at once does not go on at once for ever. */
import type { Random } from './env.ts';

/** A fraction, 0 ≤ x < 1. */
export function fraction(random: Random): number {
  return random.uint32() / 2 ** 32;
}

/** A time around `ms`: at most `spread` of it less, or more. */
export function jittered(random: Random, ms: number, spread = 0.5): number {
  return ms * (1 - spread + 2 * spread * fraction(random));
}

/** The pause after so many rounds in vain, from 0: each about twice as long as the one before it, up to a bound. */
export function backoff(
  random: Random,
  round: number,
  { firstMs, mostMs }: { firstMs: number; mostMs: number },
): number {
  return jittered(random, Math.min(firstMs * 2 ** round, mostMs));
}
