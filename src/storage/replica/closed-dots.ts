/**
 * Closing dots: dots of dead actors that no disk holds count as seen, so that the bases of a clock
 * can move on. A version under a closed dot goes, in every replica that still has it.
 *
 * Such a replica also has the effect of that write: the removal of what it has replaced. Another
 * member may have acknowledged and kept that. So the key is then as unknown as a damaged one: it is
 * marked, and the other members are asked.
 */
import { CausalContext } from '../../core/causality/causal-context.ts';
import { type StoredObject, withoutVersions } from '../../core/causality/object.ts';
import type { RowChange } from '../engine.ts';
import * as keyspace from '../keyspace.ts';
import { recordToContext, recordToVersions } from '../records.ts';
import type { KeyWatches } from './key-watches.ts';
import type { ReplicaActor } from './replica-actor.ts';
import type { ReplicaClock } from './replica-clock.ts';
import type { ReplicaCommits } from './replica-commits.ts';
import type { ReplicaMarks } from './replica-marks.ts';
import type { ReplicaObjects } from './replica-objects.ts';
import type { ReplicaRows } from './replica-rows.ts';
import type { ResidueSweep } from './residue-sweep.ts';

/** The parts of a replica that closing dots needs. */
export interface ClosedDotsParts {
  readonly clock: ReplicaClock;
  readonly actor: ReplicaActor;
  readonly objects: ReplicaObjects;
  readonly rows: ReplicaRows;
  readonly marks: ReplicaMarks;
  readonly watches: KeyWatches;
  readonly sweep: ResidueSweep;
  readonly commits: ReplicaCommits;
}

/** Closes dots in one replica. */
export class ClosedDots {
  readonly #parts: ClosedDotsParts;

  constructor(parts: ClosedDotsParts) {
    this.#parts = parts;
  }

  /** Closes dots, and resolves when that is durable. The caller knows that no disk holds them. */
  async close(dots: CausalContext): Promise<void> {
    const { clock, rows, watches, commits } = this.#parts;
    const fresh = dots.minus(clock.durableLost);
    if (fresh.isEmpty) return;
    const watch = watches.begin();
    try {
      await commits.whenDurable();
      const keys = new Set<string>();
      await rows.each('r', ([row, record]) => {
        if (fresh.intersects(recordToContext(record, row))) keys.add(keyspace.keyOfRow(row));
      });
      // Versions under such dots are rare: a replica has one if it did not answer the question.
      if (fresh.intersects(clock.seen)) {
        await rows.each('o', ([row, record]) => {
          const isNamed = recordToVersions(record, row).some(({ actor, counter }) =>
            fresh.has(actor, counter),
          );
          if (isNamed) keys.add(keyspace.keyOfRow(row));
        });
      }
      for (const key of watch.take()) keys.add(key);
      await this.#take(fresh, keys);
    } finally {
      watch.end();
    }
  }

  /**
   * Closes the dots at once. `keys` are the keys whose objects may name one of them. An object that
   * has replaced such a version is written again, unchanged, under a dot of this replica. No log
   * has an entry for the effect on it, so the effect would never reach the other replicas.
   */
  #take(dots: CausalContext, keys: Iterable<string>): Promise<void> {
    const { clock, actor, objects, marks, sweep, commits } = this.#parts;
    commits.assertRoom();
    const before = [...keys].map((key) => {
      const stored = objects.load(key);
      return { key, stored, object: objects.fill(key, stored) };
    });
    clock.close(dots);
    sweep.markDue();
    const added = dots.clone();
    const changes: RowChange[] = [];
    for (const { key, stored, object } of before) {
      if (stored.versions.some((dot) => dots.has(dot.actor, dot.counter))) {
        changes.push(...this.#doubt(key, stored));
        continue;
      }
      if (!dots.intersects(stored.residue)) continue;
      const { versions, context } = withoutVersions(object, clock.lost);
      const dot = actor.take();
      const whole = context.clone().join(dots);
      whole.addRanges(dot.actor, [marks.has(key) ? dot.counter : 1, dot.counter]);
      added.add(dot.actor, dot.counter);
      changes.push(
        ...objects.changesOf(stored, { key, object: { versions, context: whole }, dots: [dot] }),
      );
    }
    return new Promise((resolve, reject) => {
      commits.submitState(changes, {
        dots: added,
        done: (error) => {
          if (error !== undefined) return reject(error);
          clock.settleClosed(dots);
          resolve();
        },
      });
    });
  }

  /** Marks a key that has a version under a closed dot, and keeps its other versions. */
  #doubt(key: string, stored: StoredObject<Uint8Array>): RowChange[] {
    const { clock, objects, marks } = this.#parts;
    const versions = stored.versions.filter(
      ({ actor, counter }) => !clock.lost.has(actor, counter),
    );
    const context = CausalContext.ofDots(versions);
    const mark = marks.add(key, clock.seen.minus(context));
    return [mark, ...objects.changesOf(stored, { key, object: { versions, context }, dots: [] })];
  }
}
