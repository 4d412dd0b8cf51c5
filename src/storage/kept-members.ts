/** The member list on the disk of a node: a start needs no other node to know the members. */
import type { MemberList, MemberRecord } from '../core/placement/member-list.ts';
import type { CommitQueue } from './commit-queue.ts';
import type { RowReader } from './engine.ts';
import { memberOf } from './format-1.ts';
import * as keyspace from './keyspace.ts';
import { openIntact, sealRecord } from './records.ts';

const MEMBERS_ROW = keyspace.metaRow('members');
const N_ROW = keyspace.metaRow('n');

/** The member list in one open store. */
export class KeptMembers {
  readonly #rows: Pick<RowReader, 'get'>;
  readonly #queue: CommitQueue;
  /** The hash of the list that was put on this disk since it was opened. */
  #hash: number | undefined;

  constructor(rows: Pick<RowReader, 'get'>, queue: CommitQueue) {
    this.#rows = rows;
    this.#queue = queue;
  }

  /** Returns the records that were kept last; none if there are none, or if they are damaged. */
  all(): MemberRecord[] {
    const record = this.#rows.get(MEMBERS_ROW);
    const list = record === undefined ? undefined : openIntact(record, MEMBERS_ROW);
    return ((list ?? []) as MemberRecord[]).map(memberOf);
  }

  /** The n that was kept last; undefined if there is none, or if it is damaged. */
  get n(): number | undefined {
    const record = this.#rows.get(N_ROW);
    return record === undefined ? undefined : (openIntact(record, N_ROW) as number | undefined);
  }

  /** Keeps a member list, and n if it is known, if this disk does not have that list already. */
  keep(list: Pick<MemberList, 'all' | 'hash'>, n: number | undefined, onKept: () => void): void {
    if (this.#hash === list.hash) return;
    this.#hash = list.hash;
    const rows = [{ key: MEMBERS_ROW, value: sealRecord(list.all(), MEMBERS_ROW) }];
    if (n !== undefined) rows.push({ key: N_ROW, value: sealRecord(n, N_ROW) });
    this.#queue.submit(rows, (error) => {
      if (error === undefined) onKept();
    });
  }
}
