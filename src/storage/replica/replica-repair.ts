/** Repairs of a replica after damage, from other members and from versions that were set aside. */
import type { Dot } from '../../core/causality/causal-context.ts';
import { union } from '../../core/causality/object.ts';
import type { Done } from '../commit-queue.ts';
import type { ReplicaMerge } from './replica-changes.ts';
import type { ReplicaClock } from './replica-clock.ts';
import type { ReplicaCommits } from './replica-commits.ts';
import type { ReplicaMarks } from './replica-marks.ts';
import type { ReplicaObjects } from './replica-objects.ts';
import type { SetAside } from './set-aside.ts';

/** The parts of a replica that a repair needs. */
export interface RepairParts {
  readonly clock: ReplicaClock;
  readonly objects: ReplicaObjects;
  readonly marks: ReplicaMarks;
  readonly setAside: SetAside;
  readonly commits: ReplicaCommits;
}

/** The repairs of one replica. */
export class ReplicaRepair {
  readonly #parts: RepairParts;

  constructor(parts: RepairParts) {
    this.#parts = parts;
  }

  /** Takes the mark off a key: other members have told all that they know of it. */
  unmark(key: string, done: Done): void {
    const { objects, marks, commits } = this.#parts;
    const stored = objects.load(key);
    const change = marks.remove(key);
    const object = { versions: stored.versions, context: stored.residue };
    commits.submit([change, ...objects.changesOf(stored, { key, object, dots: [] })], { done });
  }

  /** Drops versions that were set aside: their fate is known, or the replica has taken them in. */
  dropAside(key: string, dots: readonly Dot[], done: Done): void {
    const { setAside, commits } = this.#parts;
    commits.submit([setAside.drop(key, dots)], { done });
  }

  /**
   * Puts back versions that this replica has seen and lost. Returns whether there were any. The
   * sender must have seen exactly the same dots of the key (`scrub.ts`): otherwise a version that
   * is missing here may have been deleted.
   */
  restore({ key, object }: Pick<ReplicaMerge, 'key' | 'object'>, done: Done): boolean {
    const { clock, objects, marks, commits } = this.#parts;
    commits.assertRoom();
    const stored = objects.load(key);
    const { versions, context } = objects.fill(key, stored);
    const isSame =
      marks.isEmpty &&
      stored.residue.isEmpty &&
      context.equals(clock.seen) &&
      context.equals(object.context);
    const all = union(versions, object.versions);
    if (!isSame || all.length === versions.length) return false;
    const restored = { key, object: { versions: all, context }, dots: [] };
    commits.submit(objects.changesOf(stored, restored), { done });
    return true;
  }
}
