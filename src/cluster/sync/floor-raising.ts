/**
 * Raising the floor of a partition: it takes in the dots of dead actors on which the holders agree.
 * They agree if every other holder has the same gapless dots of the actor as this replica.
 *
 * A floor only shortens the encoding of contexts. A floor that was raised too early loses nothing,
 * and costs a few bytes until the others have it too. Replicas that have seen the same dots arrive
 * at the same floor.
 */
import type { CausalContext } from '../../core/causality/causal-context.ts';
import { MAX_FLOOR_BASE } from '../../core/causality/floor.ts';
import type { Replica } from '../../storage/replica/replica.ts';
import type { Floors } from '../partitions/floors.ts';
import type { PartitionView } from '../partitions/partition-view.ts';

/** The parts of a node that raising a floor uses. */
export interface RaiseFloorOptions {
  readonly floors: Floors;
  readonly partitions: { of(partition: number): Pick<PartitionView, 'isDead'> };
}

/** The parts of a replica that raising a floor uses. */
export type FlooredReplica = Pick<Replica, 'partition' | 'durableClock' | 'shareFloor'>;

/** The clocks of all other holders; undefined if one of them has sent none. */
type Others = readonly CausalContext[] | undefined;

/** Moves into the floor the dots on which all holders agree. */
export function raiseFloor(
  { floors, partitions }: RaiseFloorOptions,
  replica: FlooredReplica,
  others: Others,
): void {
  if (others === undefined) return;
  const { partition, durableClock: clock } = replica;
  const newest = floors.newest(partition);
  const agreed = new Map<string, number>();
  for (const actor of clock.actorsAboveFloor()) {
    const base = clock.base(actor);
    const isGapless =
      base > newest.base(actor) && base <= MAX_FLOOR_BASE && clock.max(actor) === base;
    if (!isGapless || !partitions.of(partition).isDead(actor)) continue;
    if (others.every((other) => other.base(actor) === base && other.max(actor) === base))
      agreed.set(actor, base);
  }
  if (agreed.size > 0) floors.keep(partition, newest.with(agreed));
  replica.shareFloor(floors.newest(partition));
}
