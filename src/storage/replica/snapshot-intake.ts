/** The end of a snapshot: the replica that has taken it in adopts the clock of the sender. */
import { MecError } from '../../base/errors.ts';
import type { CausalContext } from '../../core/causality/causal-context.ts';
import type { Done } from '../commit-queue.ts';
import type { ReplicaActor } from './replica-actor.ts';
import type { ReplicaClock } from './replica-clock.ts';
import type { ReplicaCommits } from './replica-commits.ts';
import type { ReplicaLog } from './replica-log.ts';
import type { ResidueSweep } from './residue-sweep.ts';

/** The parts of a replica that a snapshot changes, apart from the objects. */
export interface IntakeParts {
  readonly actor: ReplicaActor;
  readonly clock: ReplicaClock;
  readonly log: ReplicaLog;
  readonly sweep: ResidueSweep;
  readonly commits: ReplicaCommits;
}

/** Ends snapshots that one replica has taken in. */
export class SnapshotIntake {
  readonly #parts: IntakeParts;

  constructor(parts: IntakeParts) {
    this.#parts = parts;
  }

  /**
   * Adopts the clock of a replica whose whole state was merged. The caller does so in the turn in
   * which no key is left to merge, or the clock would be ahead of the data. The log has no entries
   * for these dots, so they join its cut.
   */
  adopt(received: CausalContext, done: Done): void {
    const { actor, clock, log, sweep, commits } = this.#parts;
    const isForged = received.max(actor.name) > clock.seen.base(actor.name);
    if (isForged)
      throw new MecError('internal', {
        detail: 'The clock of a peer has dots of this replica that it never gave',
      });
    clock.seen.join(received);
    log.cut.join(received);
    sweep.markDue();
    commits.submitState([], { dots: received, done });
  }
}
