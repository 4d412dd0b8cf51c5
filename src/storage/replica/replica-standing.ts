/** What the answers of a replica count for, after a start and after damage. */
import type { Checkpoint, Wound } from '../records.ts';
import type { SetAside } from './set-aside.ts';

/** Whether one replica is complete, and whether it is wounded. */
export class ReplicaStanding {
  readonly #salvage: SetAside;
  #isComplete: boolean;
  #wound: Wound;
  /** Whether the replica was compared with the other owners since the store was opened. */
  #isConfirmed = false;

  constructor({ isComplete, wound }: Pick<Checkpoint, 'isComplete' | 'wound'>, salvage: SetAside) {
    this.#isComplete = isComplete;
    this.#wound = wound;
    this.#salvage = salvage;
  }

  /**
   * Whether the replica may hold everything that was ever acknowledged. One that does not counts for no
   * read: a new one until it has caught up, any one after a start until it was compared with the others.
   */
  get isComplete(): boolean {
    return this.#isComplete && this.#isConfirmed && this.#salvage.dots.isEmpty;
  }

  /** Whether the replica was complete when its store was last open, and has not been compared since. */
  get isUnconfirmed(): boolean {
    return this.#isComplete && !this.#isConfirmed;
  }

  /** Whether a damaged disk has lost rows of this replica, and it has not caught up since. */
  get isWounded(): boolean {
    return this.#wound !== 'none';
  }

  /** What a checkpoint keeps of it. */
  get kept(): Pick<Checkpoint, 'isComplete' | 'wound'> {
    return { isComplete: this.#isComplete, wound: this.#wound };
  }

  /** The others were asked, or cannot be: the replica counts again if it was complete. */
  confirm(): void {
    this.#isConfirmed = true;
  }

  /**
   * It has caught up with enough others; or it is out of date, and must catch up like a new one. Returns
   * whether that is news, which the next checkpoint must keep.
   */
  mark(isComplete: boolean): boolean {
    this.#isConfirmed ||= isComplete;
    if (this.#isComplete === isComplete) return false;
    this.#isComplete = isComplete;
    if (isComplete) this.#wound = 'none';
    return true;
  }
}
