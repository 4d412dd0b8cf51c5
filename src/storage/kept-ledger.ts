/** The ledger on the disk of a node: a node that is cut off can still tell its clients apart. */
import { isSound, type LedgerRecord } from '../core/security/ledger-record.ts';
import type { CommitQueue } from './commit-queue.ts';
import type { RowReader } from './engine.ts';
import * as keyspace from './keyspace.ts';
import { openIntact, sealRecord } from './records.ts';

const LEDGER_ROW = keyspace.metaRow('ledger');

/** The ledger in one open store. */
export class KeptLedger {
  readonly #rows: Pick<RowReader, 'get'>;
  readonly #queue: CommitQueue;

  constructor(rows: Pick<RowReader, 'get'>, queue: CommitQueue) {
    this.#rows = rows;
    this.#queue = queue;
  }

  /** The records that were kept last; none if there are none, or if they are damaged. */
  get all(): readonly LedgerRecord[] {
    const row = this.#rows.get(LEDGER_ROW);
    const records = row === undefined ? undefined : openIntact(row, LEDGER_ROW);
    return ((records ?? []) as LedgerRecord[]).filter(isSound);
  }

  /** Keeps all records of a ledger. Resolves when they are durable. Rejects with a `MecError`. */
  keep(records: readonly LedgerRecord[]): Promise<void> {
    const value = sealRecord(records, LEDGER_ROW);
    return new Promise((resolve, reject) => {
      this.#queue.submit([{ key: LEDGER_ROW, value }], (error) => {
        if (error === undefined) resolve();
        else reject(error);
      });
    });
  }
}
