/** The world as a client sees it: time, randomness, and `fetch`. Put others in their place to test without waiting. */
import type { Clock, Random } from '../../base/env.ts';
import { systemClock, systemRandom } from '../../base/system.ts';

/** All that a client needs of its surroundings; Node and browsers have it. */
export interface ClientWorld {
  readonly clock: Pick<Clock, 'monotonicMs' | 'wallMicros' | 'after'>;
  readonly random: Random;
  readonly fetch: typeof fetch;
}

/** The real one. */
export const systemWorld: ClientWorld = {
  clock: systemClock,
  random: systemRandom,
  fetch: (...call) => fetch(...call),
};

/** A fraction, 0 ≤ x < 1. */
export function fraction(random: Random): number {
  return random.uint32() / 2 ** 32;
}
