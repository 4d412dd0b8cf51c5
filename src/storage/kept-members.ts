/** The member list on the disk of a node: a start needs no other node to know the members. */
import type { Log } from '../base/env.ts';
import type { NamedKey, TokenKey } from '../core/causality/token-keys.ts';
import type { MemberList, MemberRecord } from '../core/placement/member-list.ts';
import { flawedFieldOf } from '../core/placement/record-flaw.ts';
import type { CommitQueue } from './commit-queue.ts';
import type { RowReader } from './engine.ts';
import { memberOf } from './format-1.ts';
import * as keyspace from './keyspace.ts';
import { openIntact, sealRecord } from './records.ts';

const MEMBERS_ROW = keyspace.metaRow('members');
const N_ROW = keyspace.metaRow('n');
const MISSED_ROW = keyspace.metaRow('missed');
const TOKEN_KEYS_ROW = keyspace.metaRow('token keys');
const CLUSTER_ROW = keyspace.metaRow('cluster');

/** The mark of all clusters that began before clusters had ids. */
const OLD_MARKS: readonly string[] = ['0'];

/** The member list of a node, with what it must know at its next start. */
export interface ListToKeep {
  readonly list: Pick<MemberList, 'all' | 'hash'>;
  /** The n of the cluster; undefined if it is not known. */
  readonly n: number | undefined;
  /** The marks of the cluster, or none. If undefined, those on the disk stay. */
  readonly marks: readonly string[] | undefined;
  /** The names of owners that the node may have missed. */
  readonly missedNames: readonly string[];
}

/** The member list in one open store. */
export class KeptMembers {
  readonly #rows: Pick<RowReader, 'get'>;
  readonly #queue: CommitQueue;
  readonly #log: Log;
  /** The list that was put on this disk since it was opened. */
  #kept = '';
  /** The keys for tokens that were put on this disk since it was opened. */
  #keptKeys = '';

  constructor(rows: Pick<RowReader, 'get'>, queue: CommitQueue, log: Log) {
    this.#rows = rows;
    this.#queue = queue;
    this.#log = log;
  }

  /**
   * Returns the records that were kept last; none if there are none, or if they are damaged. Leaves
   * out and logs those that this version cannot use. An earlier one may have believed a broken
   * peer, and its list must not keep the node from starting.
   */
  all(): MemberRecord[] {
    const record = this.#rows.get(MEMBERS_ROW);
    const list = record === undefined ? undefined : openIntact(record, MEMBERS_ROW);
    const kept = Array.isArray(list) ? (list as MemberRecord[]).map(memberOf) : [];
    return kept.filter((member) => {
      const field = flawedFieldOf(member);
      if (field === undefined) return true;
      this.#log.error('kept member record left out', { node: member.name, field });
      return false;
    });
  }

  /** The n that was kept last; undefined if there is none, or if it is damaged. */
  get n(): number | undefined {
    const record = this.#rows.get(N_ROW);
    return record === undefined ? undefined : (openIntact(record, N_ROW) as number | undefined);
  }

  /** The names of owners that the node may have missed, as they were kept last. */
  get missedNames(): readonly string[] {
    const record = this.#rows.get(MISSED_ROW);
    const names = record === undefined ? undefined : openIntact(record, MISSED_ROW);
    return (names ?? []) as string[];
  }

  /**
   * The marks of the cluster that were kept last; undefined if there are none, or if they are
   * damaged.
   */
  get marks(): readonly string[] | undefined {
    const record = this.#rows.get(CLUSTER_ROW);
    if (record !== undefined) {
      const marks = openIntact(record, CLUSTER_ROW) as readonly string[] | undefined;
      return marks?.length === 0 ? undefined : marks;
    }
    return this.all().some(({ state }) => state !== 'joining') ? OLD_MARKS : undefined;
  }

  /** The keys for tokens that were kept last; none if there are none, or if they are damaged. */
  get tokenKeys(): readonly TokenKey[] {
    const record = this.#rows.get(TOKEN_KEYS_ROW);
    const keys = record === undefined ? undefined : openIntact(record, TOKEN_KEYS_ROW);
    return ((keys ?? []) as TokenKey[]).map((key) => ({ ...key, secret: key.secret.slice() }));
  }

  /** Keeps the keys for tokens, if this disk does not have them already. */
  keepTokenKeys(keys: readonly NamedKey[], onKept: () => void): void {
    const text = keys.map(({ id, settledMicros }) => `${id} ${settledMicros}`).join();
    if (this.#keptKeys === text) return;
    this.#keptKeys = text;
    const rows = keys.map(({ secret, generation, settledMicros }): TokenKey => {
      return { secret, generation, settledMicros };
    });
    const value = sealRecord(rows, TOKEN_KEYS_ROW);
    this.#queue.submit([{ key: TOKEN_KEYS_ROW, value }], (error) => {
      if (error === undefined) onKept();
    });
  }

  /** Keeps a member list, and the rest, if this disk does not have them already. */
  keep({ list, n, marks, missedNames }: ListToKeep, onKept: () => void): void {
    const text = [list.hash, ...missedNames, '', ...(marks ?? [])].join(' ');
    if (this.#kept === text) return;
    this.#kept = text;
    const rows = [
      { key: MEMBERS_ROW, value: sealRecord(list.all(), MEMBERS_ROW) },
      { key: MISSED_ROW, value: sealRecord(missedNames, MISSED_ROW) },
    ];
    if (n !== undefined) rows.push({ key: N_ROW, value: sealRecord(n, N_ROW) });
    if (marks !== undefined) rows.push({ key: CLUSTER_ROW, value: sealRecord(marks, CLUSTER_ROW) });
    this.#queue.submit(rows, (error) => {
      if (error === undefined) onKept();
    });
  }
}
