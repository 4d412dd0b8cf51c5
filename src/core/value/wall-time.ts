/**
 * The time by several wall clocks, of which a minority may be wrong by any amount. Wall time
 * decides on expiry and on the last write, so one wrong clock alone must not set it.
 */
import { quorumSize } from '../quorum/quorum.ts';

/**
 * The latest time that a majority of `count` clocks has reached, µs since 1970. An unknown clock
 * counts as not having reached any. Undefined if fewer than a majority are known.
 */
export function majorityMicros(known: readonly number[], count: number): number | undefined {
  return known.toSorted((a, b) => b - a)[quorumSize('quorum', count) - 1];
}

/**
 * The time that a node uses, µs since 1970: its own if within the tolerance of the majority's, else
 * the majority's. So nodes with good clocks agree to the microsecond.
 */
export function agreedMicros(
  ownMicros: number,
  majority: number | undefined,
  toleranceMicros: number,
): number {
  if (majority === undefined || Math.abs(majority - ownMicros) <= toleranceMicros) return ownMicros;
  return majority;
}
