/**
 * Versions that were salvaged from a damaged disk and set aside. They are not served, and are not
 * in the clock: other members may have seen that they were overwritten. If the dot of such a
 * version comes from another member, its fate is known, and the version is dropped. If no member
 * has seen the dot, the replica takes the version in.
 */
import { CausalContext, type Dot } from '../../core/causality/causal-context.ts';
import { isDamage } from '../damage.ts';
import type { RowChange, RowReader } from '../engine.ts';
import * as keyspace from '../keyspace.ts';
import { type PackedVersion, recordToVersions, versionsToRecord } from '../records.ts';

/** The versions that one replica has set aside. */
export class SetAside {
  readonly #partition: number;
  readonly #rows: Pick<RowReader, 'get'>;
  #dots: CausalContext;

  /** `rows` also reads rows on their way to the disk. */
  constructor(partition: number, rows: Pick<RowReader, 'get'>, dots: CausalContext) {
    this.#partition = partition;
    this.#rows = rows;
    this.#dots = dots;
  }

  /** The dots of all versions set aside. The caller must not change them. */
  get dots(): CausalContext {
    return this.#dots;
  }

  /** Returns the versions of a key that are set aside. */
  versionsOf(key: string): PackedVersion[] {
    if (this.#dots.isEmpty) return [];
    const row = keyspace.asideRow(this.#partition, key);
    const record = this.#rows.get(row);
    try {
      return record === undefined ? [] : recordToVersions(record, row);
    } catch (error) {
      // A salvaged record can be damaged, too. This node has no other copy of it.
      if (isDamage(error)) return [];
      throw error;
    }
  }

  /** Drops versions of a key. Returns the row that changes. */
  drop(key: string, dots: readonly Dot[]): RowChange {
    const gone = CausalContext.ofDots(dots);
    this.#dots = this.#dots.minus(gone);
    return asideChange(
      this.#partition,
      key,
      this.versionsOf(key).filter(({ actor, counter }) => !gone.has(actor, counter)),
    );
  }

  /** Forgets dots whose versions are in no record that can be read. */
  forgetDots(dots: CausalContext): void {
    this.#dots = this.#dots.minus(dots);
  }
}

/** Returns the row of the versions of a key that are set aside. */
export function asideChange(
  partition: number,
  key: string,
  versions: readonly PackedVersion[],
): RowChange {
  const row = keyspace.asideRow(partition, key);
  return { key: row, value: versions.length === 0 ? undefined : versionsToRecord(versions, row) };
}
