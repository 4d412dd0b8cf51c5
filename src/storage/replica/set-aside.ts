/**
 * Versions that were salvaged from a damaged disk, and are set aside: not served, and not in the
 * clock. What had overwritten them may be known to others. One whose dot comes by another way is
 * dropped, as whatever became of it is known then; one whose dot nobody has seen is taken in.
 */
import { CausalContext, type Dot } from '../../core/causality/causal-context.ts';
import { isDamage } from '../damage.ts';
import type { RowChange, RowReader } from '../engine.ts';
import * as keyspace from '../keyspace.ts';
import { type PackedVersion, recordToVersions, versionsToRecord } from '../records.ts';

/** What is set aside in one replica. */
export class SetAside {
  readonly #partition: number;
  readonly #rows: Pick<RowReader, 'get'>;
  #dots: CausalContext;

  /** `rows` knows what is on its way to the disk, too. */
  constructor(partition: number, rows: Pick<RowReader, 'get'>, dots: CausalContext) {
    this.#partition = partition;
    this.#rows = rows;
    this.#dots = dots;
  }

  /** The dots of all that is set aside; not to be changed. */
  get dots(): CausalContext {
    return this.#dots;
  }

  /** What is set aside for a key. */
  of(key: string): PackedVersion[] {
    if (this.#dots.isEmpty) return [];
    const row = keyspace.asideRow(this.#partition, key);
    const record = this.#rows.get(row);
    try {
      return record === undefined ? [] : recordToVersions(record, row);
    } catch (error) {
      // What was salvaged once can be damaged, too; there is no other copy of it here.
      if (isDamage(error)) return [];
      throw error;
    }
  }

  /** These of a key are set aside no more. */
  drop(key: string, dots: readonly Dot[]): RowChange {
    const gone = CausalContext.ofDots(dots);
    this.#dots = this.#dots.minus(gone);
    return asideChange(
      this.#partition,
      key,
      this.of(key).filter(({ actor, counter }) => !gone.has(actor, counter)),
    );
  }

  /** These are in no record that can be read. */
  forget(dots: CausalContext): void {
    this.#dots = this.#dots.minus(dots);
  }
}

/** The row of what is set aside for a key. */
export function asideChange(partition: number, key: string, versions: readonly PackedVersion[]): RowChange {
  const row = keyspace.asideRow(partition, key);
  return { key: row, value: versions.length === 0 ? undefined : versionsToRecord(versions, row) };
}
