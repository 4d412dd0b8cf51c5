/** The end of a snapshot that a replica has taken in: it takes over the clock of the sender. */
import { MecError } from '../../base/errors.ts';
import type { CausalContext } from '../../core/causality/causal-context.ts';
import type { Done } from '../commit-queue.ts';
import type { ReplicaActor } from './replica-actor.ts';
import type { ReplicaClock } from './replica-clock.ts';
import type { ReplicaCommits } from './replica-commits.ts';
import type { ReplicaLog } from './replica-log.ts';
import type { ResidueSweep } from './residue-sweep.ts';

/** What a snapshot changes apart from the objects. */
export interface IntakeParts {
  readonly actor: ReplicaActor;
  readonly clock: ReplicaClock;
  readonly log: ReplicaLog;
  readonly sweep: ResidueSweep;
  readonly commits: ReplicaCommits;
}

/** Takes snapshots into one replica. */
export class SnapshotIntake {
  readonly #parts: IntakeParts;

  constructor(parts: IntakeParts) {
    this.#parts = parts;
  }

  /**
   * Takes over the clock of a replica whose whole state was merged, in the turn in which no key was left
   * to merge. The log has no entries for what came this way, and says so.
   */
  adopt(received: CausalContext, done: Done): void {
    const { actor, clock, log, sweep, commits } = this.#parts;
    const isForged = received.max(actor.name) > clock.seen.base(actor.name);
    if (isForged) throw new MecError('internal', { detail: 'A peer claims writes that this replica never made' });
    clock.seen.join(received);
    log.cut.join(received);
    sweep.demand();
    commits.submitState([], { dots: received, done });
  }
}
