/** Removes the residues that the bases of a replica's clock cover by now. */
import type { CausalContext } from '../../core/causality/causal-context.ts';
import type { RowChange } from '../engine.ts';
import * as keyspace from '../keyspace.ts';
import type { ReplicaCommits } from './replica-commits.ts';
import type { ReplicaMarks } from './replica-marks.ts';
import type { ReplicaObjects } from './replica-objects.ts';
import type { ReplicaRows } from './replica-rows.ts';
import type { Residues } from './residues.ts';

/** The parts of a replica that a sweep needs. */
export interface SweepParts {
  /** Every dot that the replica has seen. */
  readonly clock: CausalContext;
  readonly objects: ReplicaObjects;
  readonly residues: Residues;
  readonly marks: ReplicaMarks;
  readonly rows: ReplicaRows;
  readonly commits: ReplicaCommits;
}

/** The sweeps over the residues of one replica. */
export class ResidueSweep {
  readonly #parts: SweepParts;
  /** Whether the bases may have moved since the last sweep. */
  #isDue = true;

  constructor(parts: SweepParts) {
    this.#parts = parts;
  }

  /** Asks for a sweep: the bases of the clock may have moved. */
  markDue(): void {
    this.#isDue = true;
  }

  /** Sweeps all residues, if there is anything to find. */
  async run(): Promise<void> {
    const { residues, rows, commits } = this.#parts;
    if (residues.count === 0 || !this.#isDue) return;
    this.#isDue = false;
    // The scan reads durable rows only. It would miss a row on its way to the disk, and no later
    // sweep would look for that row.
    await commits.whenDurable();
    await rows.each('r', ([row]) => {
      const changes = this.#strip(keyspace.keyOfRow(row));
      if (changes.length > 0) commits.submit(changes);
    });
  }

  /**
   * Returns the row of a residue without the dots that the bases cover; none if they cover none.
   */
  #strip(key: string): RowChange[] {
    const { clock, objects, residues, marks } = this.#parts;
    const { residue } = objects.load(key);
    const changes: RowChange[] = [];
    if (residue.isEmpty || marks.has(key)) return changes;
    const rest = residue.minus(clock.bases());
    if (!rest.equals(residue)) residues.append(key, { before: residue, after: rest }, changes);
    return changes;
  }
}
