/**
 * The floor of a partition rises over the dead actors on which its holders agree: every other
 * holder has the same gapless dots of them as this replica.
 *
 * A floor is an encoding, and nothing is lost by one that was taken too early or on an old word: it
 * costs a few bytes until the others have it. Replicas that have seen the same arrive at the same
 * floor.
 */
import type { CausalContext } from '../../core/causality/causal-context.ts';
import { MAX_FLOOR_BASE } from '../../core/causality/floor.ts';
import type { Replica } from '../../storage/replica/replica.ts';
import type { Floors } from '../partitions/floors.ts';
import type { PartitionView } from '../partitions/partition-view.ts';

/** What raises a floor, besides a replica. */
export interface RaiseFloorOptions {
  readonly floors: Floors;
  readonly partitions: { of(partition: number): Pick<PartitionView, 'isDead'> };
}

/** The part of a replica that a floor is raised by. */
export type FlooredReplica = Pick<Replica, 'partition' | 'durableClock' | 'shareFloor'>;

/** The clocks of all other holders; undefined if one was never heard of. */
type Others = readonly CausalContext[] | undefined;

/** Moves into the floor the dots on which all holders agree. */
export function raiseFloor({ floors, partitions }: RaiseFloorOptions, replica: FlooredReplica, others: Others): void {
  if (others === undefined) return;
  const { partition, durableClock: clock } = replica;
  const newest = floors.newest(partition);
  const agreed = new Map<string, number>();
  for (const actor of clock.actorsAboveFloor()) {
    const base = clock.base(actor);
    const isGapless = base > newest.base(actor) && base <= MAX_FLOOR_BASE && clock.max(actor) === base;
    if (!isGapless || !partitions.of(partition).isDead(actor)) continue;
    if (others.every((other) => other.base(actor) === base && other.max(actor) === base)) agreed.set(actor, base);
  }
  if (agreed.size > 0) floors.keep(partition, newest.with(agreed));
  replica.shareFloor(floors.newest(partition));
}
