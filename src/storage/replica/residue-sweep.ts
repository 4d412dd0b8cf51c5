/** Takes away the residue that the bases of a replica's clock have come to cover. */
import type { CausalContext } from '../../core/causality/causal-context.ts';
import type { RowChange } from '../engine.ts';
import * as keyspace from '../keyspace.ts';
import type { ReplicaCommits } from './replica-commits.ts';
import type { ReplicaMarks } from './replica-marks.ts';
import type { ReplicaObjects } from './replica-objects.ts';
import type { ReplicaRows } from './replica-rows.ts';
import type { Residues } from './residues.ts';

/** What a sweep looks at, and where its rows go. */
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
  /** Whether the bases moved since the residues were last looked through. */
  #isDue = true;

  constructor(parts: SweepParts) {
    this.#parts = parts;
  }

  /** The bases of the clock have moved, or may have. */
  demand(): void {
    this.#isDue = true;
  }

  /** Looks through all residues, if there is anything to find. */
  async run(): Promise<void> {
    const { residues, rows, commits } = this.#parts;
    if (residues.count === 0 || !this.#isDue) return;
    this.#isDue = false;
    // The scan sees what is durable; a row on its way to the disk would be passed over for ever.
    await commits.whenDurable();
    await rows.each('r', ([row]) => {
      const changes = this.#strip(keyspace.keyOfRow(row));
      if (changes.length > 0) commits.submit(changes);
    });
  }

  /** The row of a residue without what the bases have come to cover; none if it covers nothing of it. */
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
