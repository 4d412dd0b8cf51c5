/**
 * Which dead actors are settled: every other holder has the same gapless dots of them as this replica. They
 * move into the partition's floor.
 *
 * A floor is an encoding, and nothing is lost by one that was taken too early or on an old word: it costs a
 * few bytes until the others have it. Replicas that have seen the same arrive at the same floor.
 */
import type { CurrentActors } from '../../core/causality/actor.ts';
import type { CausalContext } from '../../core/causality/causal-context.ts';
import { MAX_FLOOR_BASE } from '../../core/causality/floor.ts';
import type { Replica } from '../../storage/replica/replica.ts';
import type { Floors } from '../floors.ts';

/** What settling works on. */
export interface SettlingOptions {
  readonly floors: Floors;
  /** Which actors live, by partition. */
  readonly currentActors: readonly CurrentActors[];
}

/** What settles: a replica. */
export type Settling = Pick<Replica, 'partition' | 'durableClock' | 'settle'>;

/** The clocks of all other holders; undefined if one was never heard of. */
type Others = readonly CausalContext[] | undefined;

/** Moves into the floor what is settled. */
export function settle({ floors, currentActors }: SettlingOptions, replica: Settling, others: Others): void {
  if (others === undefined) return;
  const { partition, durableClock: clock } = replica;
  const newest = floors.newest(partition);
  const settled = new Map<string, number>();
  for (const actor of clock.actorsAboveFloor()) {
    const base = clock.base(actor);
    const isGapless = base > newest.base(actor) && base <= MAX_FLOOR_BASE && clock.max(actor) === base;
    if (!isGapless || currentActors[partition]?.isDead(actor) !== true) continue;
    if (others.every((other) => other.base(actor) === base && other.max(actor) === base)) settled.set(actor, base);
  }
  if (settled.size > 0) floors.keep(partition, newest.with(settled));
  replica.settle(floors.newest(partition));
}
