/** The status of a store, as `/status` shows it. */
import { MAX_NAMED_KEYS } from './limits.ts';
import type { Replica } from './replica/replica.ts';

/** The state of a store. If it has failed, only `state` and `sync` are there. */
export interface StoreStatus {
  /** `ok`, or the code of the error that has closed the store. */
  readonly state: string;
  /** Whether a write is synced before it is acknowledged. */
  readonly sync: boolean;
  /** The life of the process that has the store open. */
  readonly life?: string;
  /** Rows and bytes that wait for the disk. */
  readonly pending?: { readonly rows: number; readonly bytes: number };
  /** Keys with a version; undefined until all have been counted after a start. */
  readonly keys?: number | undefined;
  /** The bytes that the store takes on disk; undefined until they have been counted. */
  readonly diskBytes?: number | undefined;
  /** Whether the values on the disk are encrypted. Those of a plain store are being rewritten. */
  readonly encrypted?: 'no' | 'partly' | 'all';
  readonly logEntries?: number;
  readonly residues?: number;
  readonly damage?: DamageStatus;
}

/** Damage that has been found, and is not mended yet. */
export interface DamageStatus {
  /**
   * The number of marked keys: their record is damaged, and some member has not told of them yet.
   */
  readonly marks: number;
  /** The first of the marked keys: as long as they are here, some member could not be asked. */
  readonly marked: readonly string[];
  /** The number of replicas that have lost rows, and have not caught up since. */
  readonly wounded: number;
  /** The number of replicas with salvaged versions whose fate is not known yet. */
  readonly aside: number;
  /** Keys that no member could read, since the process started. */
  readonly unreadable: readonly string[];
}

/** Sums over the replicas of an open store, and the damage in it. */
export function statusOfReplicas(
  replicas: readonly Replica[],
  unreadable: readonly string[],
): Pick<StoreStatus, 'logEntries' | 'residues' | 'damage'> {
  let [logEntries, residues, wounded, aside] = [0, 0, 0, 0];
  const marked: string[] = [];
  for (const replica of replicas) {
    logEntries += replica.log.length;
    residues += replica.residues.count;
    wounded += Number(replica.status.isWounded);
    aside += Number(!replica.asideDots.isEmpty);
    if (replica.marks.size > 0) marked.push(...replica.marks.keys());
  }
  const named = marked.slice(0, MAX_NAMED_KEYS);
  return {
    logEntries,
    residues,
    damage: { marks: marked.length, marked: named, wounded, aside, unreadable },
  };
}
