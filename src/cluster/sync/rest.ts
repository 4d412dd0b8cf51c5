/**
 * Rest: a replica that takes no writes is at rest. Only then does a difference from another replica
 * mean more than a write on its way.
 */
import type { Clock } from '../../base/env.ts';
import type { SyncLimits } from '../limits.ts';
import type { Replica } from '../../storage/replica/replica.ts';

/** The state of a replica when it was last looked at. */
interface LastChange {
  readonly changes: number;
  readonly changedMs: number;
}

/** Remembers when replicas were last seen to change. */
export class Rest {
  readonly #clock: Clock;
  readonly #limits: SyncLimits;
  readonly #lastChanges = new Map<number, LastChange>();

  constructor(clock: Clock, limits: SyncLimits) {
    this.#clock = clock;
    this.#limits = limits;
  }

  /** Whether the replica was not changed lately. */
  isAtRest({ partition, commits }: Replica): boolean {
    const nowMs = this.#clock.monotonicMs();
    const last = this.#lastChanges.get(partition);
    if (last?.changes === commits.count) return nowMs - last.changedMs >= this.#limits.restMs;
    this.#lastChanges.set(partition, { changes: commits.count, changedMs: nowMs });
    return false;
  }
}
