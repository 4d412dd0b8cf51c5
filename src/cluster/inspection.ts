/** Inspection of the replicas of a node, for tests and the simulator. */
import { PARTITIONS } from '../core/limits.ts';
import type { CausalContext } from '../core/causality/causal-context.ts';
import type { Store } from '../storage/store.ts';
import type { Members } from './membership/members.ts';

/** The clock of a replica. */
export interface Inspected {
  /** The durable dots of the replica. Callers must not change them. */
  readonly clock: CausalContext;
  /** The dots among them that no replica has any more. Callers must not change them. */
  readonly lost: CausalContext;
  /** A hash of both. */
  readonly hash: number;
}

interface InspectedParts {
  readonly members: Pick<Members, 'owns'>;
  readonly store: Pick<Store, 'find'>;
}

/** The hashes of the clocks of all partitions that a node owns. */
export function digestsOf({ members, store }: InspectedParts): ReadonlyMap<number, number> {
  const digests = new Map<number, number>();
  for (let partition = 0; partition < PARTITIONS; partition++) {
    const hash = store.find(partition)?.clockHash;
    if (hash !== undefined && members.owns(partition)) digests.set(partition, hash);
  }
  return digests;
}

/** The clock of the replica of a partition; undefined if the store does not work. */
export function inspect(
  { store }: Pick<InspectedParts, 'store'>,
  partition: number,
): Inspected | undefined {
  const replica = store.find(partition);
  return replica && { clock: replica.durableClock, lost: replica.lost, hash: replica.clockHash };
}
