/** The status of a replica: whether its answers count, after a start and after damage. */
import type { Checkpoint, Wound } from '../records.ts';
import type { SetAside } from './set-aside.ts';

/** Whether one replica is complete, and whether it is wounded: it lost rows to a damaged disk. */
export class ReplicaStatus {
  readonly #setAside: SetAside;
  #isComplete: boolean;
  #wound: Wound;
  /** Whether the replica was compared with the other owners since the store was opened. */
  #isConfirmed = false;

  constructor({ isComplete, wound }: Pick<Checkpoint, 'isComplete' | 'wound'>, setAside: SetAside) {
    this.#isComplete = isComplete;
    this.#wound = wound;
    this.#setAside = setAside;
  }

  /**
   * Whether the replica holds everything that was ever acknowledged, as far as the cluster knows.
   * If not, it counts for no read. A new replica is not complete until it has caught up. After a
   * start, no replica is complete until it was compared with the other owners.
   */
  get isComplete(): boolean {
    return this.#isComplete && this.#isConfirmed && this.#setAside.dots.isEmpty;
  }

  /** Whether the replica was complete before the last start, and has not been compared since. */
  get isUnconfirmed(): boolean {
    return this.#isComplete && !this.#isConfirmed;
  }

  /** Whether the replica lacks data until others have filled it. */
  get mustBeFilled(): boolean {
    return !this.#isComplete;
  }

  /**
   * Whether a damaged disk has lost rows of this replica, and the replica has not caught up since.
   */
  get isWounded(): boolean {
    return this.#wound !== 'none';
  }

  /** The part of this state that a checkpoint stores. */
  get checkpointFields(): Pick<Checkpoint, 'isComplete' | 'wound'> {
    return { isComplete: this.#isComplete, wound: this.#wound };
  }

  /** Lets the replica count again if it was complete: the other owners were asked, or cannot be. */
  confirm(): void {
    this.#isConfirmed = true;
  }

  /**
   * Marks the replica as complete, when it has caught up with enough owners, or as out of date.
   * Then it must catch up like a new one. Returns whether a checkpoint must record the change.
   */
  setComplete(isComplete: boolean): boolean {
    this.#isConfirmed ||= isComplete;
    if (this.#isComplete === isComplete) return false;
    this.#isComplete = isComplete;
    if (isComplete) this.#wound = 'none';
    return true;
  }
}
