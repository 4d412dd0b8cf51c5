/**
 * What time it is by several wall clocks, of which a minority may be wrong by any amount. Wall clocks decide
 * what has expired and which write is the last; one of them alone must decide neither.
 */
import { quorumSize } from '../quorum/quorum.ts';

/**
 * The latest time that a majority of `count` clocks has reached, µs since 1970. Clocks that are not known
 * have reached nothing; undefined if fewer than a majority are known.
 */
export function majorityMicros(known: readonly number[], count: number): number | undefined {
  return known.toSorted((a, b) => b - a)[quorumSize('quorum', count) - 1];
}

/**
 * The time that a node goes by: its own while that is within the tolerance of the majority's, so that
 * machines whose clocks agree agree to the microsecond; else the majority's.
 */
export function agreedMicros(ownMicros: number, majority: number | undefined, toleranceMicros: number): number {
  if (majority === undefined || Math.abs(majority - ownMicros) <= toleranceMicros) return ownMicros;
  return majority;
}
