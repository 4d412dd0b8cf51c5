/** The status of a store, as `/status` shows it. */
import { MAX_NAMED_KEYS } from './limits.ts';
import type { Replica } from './replica/replica.ts';

/** What lies on disk; a store that has failed says no more than that. */
export interface StoreStatus {
  /** `ok`, or the code of the error that has closed it. */
  readonly state: string;
  /** Whether a write is synced before it is acknowledged. */
  readonly sync: boolean;
  /** The start of the process that has it open. */
  readonly life?: string;
  /** What waits for the disk. */
  readonly pending?: { readonly rows: number; readonly bytes: number };
  /** Keys with a version; undefined until all have been counted after a start. */
  readonly keys?: number | undefined;
  /** The room that the store takes; undefined until it was looked at. */
  readonly diskBytes?: number | undefined;
  readonly logEntries?: number;
  readonly residues?: number;
  readonly damage?: DamageStatus;
}

/** What damage has left, and is being mended. */
export interface DamageStatus {
  /** Keys whose record could not be read, and that the other members have not told all about. */
  readonly marks: number;
  /** Some of them by name: they wait for members that are down. */
  readonly marked: readonly string[];
  /** Replicas that have lost rows, and have not caught up since. */
  readonly wounded: number;
  /** Replicas with salvaged versions whose fate is not known yet. */
  readonly aside: number;
  /** Keys that no member could read, since the process started. */
  readonly unreadable: readonly string[];
}

/** The sums over the replicas of an open store, and the damage in it. */
export function statusOfReplicas(
  replicas: readonly Replica[],
  unreadable: readonly string[],
): Pick<StoreStatus, 'logEntries' | 'residues' | 'damage'> {
  let [logEntries, residues, wounded, aside] = [0, 0, 0, 0];
  const marked: string[] = [];
  for (const replica of replicas) {
    logEntries += replica.log.length;
    residues += replica.residues;
    wounded += Number(replica.standing.isWounded);
    aside += Number(!replica.aside.isEmpty);
    marked.push(...replica.marks.keys());
  }
  const named = marked.slice(0, MAX_NAMED_KEYS);
  return { logEntries, residues, damage: { marks: marked.length, marked: named, wounded, aside, unreadable } };
}
