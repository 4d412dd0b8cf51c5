/**
 * Verifies the records of a store page by page, to find damage before a reader needs the record.
 */
import type { MecError } from '../base/errors.ts';
import { isDamage } from './damage.ts';
import type { Engine } from './engine.ts';
import * as keyspace from './keyspace.ts';
import { VERIFY_PAGE_BYTES, VERIFY_PAGE_ROWS } from './limits.ts';
import { PageSize } from './page-size.ts';
import { recordToVersions, verifyRecord } from './records.ts';
import type { OnVersions } from './store-parts.ts';

const FIRST_ROW = keyspace.kindRange('c').from;
const LAST_ROW = keyspace.kindRange('u').to;

/** The events of a verification. */
export interface VerificationEvents {
  readonly onDamage: (error: MecError) => void;
  /** Is told of each intact object; undefined if none looks. */
  readonly onVersions?: OnVersions | undefined;
}

/** The verification of one store, which goes on after the store was opened again. */
export class Verification {
  #from = FIRST_ROW;
  readonly #size = new PageSize(VERIFY_PAGE_ROWS, VERIFY_PAGE_BYTES);

  /**
   * Verifies the next page of records, and tells of each damaged one. Begins again after the last.
   */
  async page(engine: Engine, { onDamage, onVersions }: VerificationEvents): Promise<void> {
    const limit = this.#size.rows;
    const rows = await engine.scan({ from: this.#from, to: LAST_ROW, limit });
    const last = rows.at(-1);
    this.#from = last === undefined || rows.length < limit ? FIRST_ROW : `${last[0]}\0`;
    this.#size.note(rows);
    for (const [row, record] of rows) {
      const error = damageOf(row, record);
      if (error !== undefined) onDamage(error);
      else if (onVersions !== undefined && keyspace.isObjectRow(row))
        onVersions(keyspace.keyOfRow(row), recordToVersions(record, row));
    }
  }
}

function damageOf(row: string, record: Uint8Array): MecError | undefined {
  try {
    verifyRecord(record, row);
  } catch (error) {
    // The store writes its own rows again and again, so damage of one loses nothing.
    if (isDamage(error) && !row.startsWith('m')) return error;
  }
  return undefined;
}
