/**
 * The rows of a store. One letter names the kind of a row, four hexadecimal digits its partition:
 *
 * | row                       | value                                                                            |
 * | ------------------------- | -------------------------------------------------------------------------------- |
 * | `m` name                  | metadata of the store                                                            |
 * | `c` pppp                  | checkpoint of a replica: its clock, its standing, the cut of its log             |
 * | `e` pppp micros key       | the key has a version that expires at `micros` (14 hexadecimal digits)           |
 * | `i` pppp key NUL id       | memory of a write with an Idempotency-Key: its dot, digest and time              |
 * | `l` pppp actor NUL count  | log: the key that was written under this dot                                     |
 * | `o` pppp key              | the versions of an object                                                        |
 * | `r` pppp key              | the residue of an object; most objects have none                                 |
 * | `s` pppp key              | versions that were set aside: salvaged from damage, and not served               |
 * | `u` pppp key              | mark of a key with a damaged record: the dots that may be missing                |
 *
 * A residue has a row of its own, so that removing it does not rewrite a large value. Every value
 * has a checksum (`records.ts`).
 */
import { PARTITIONS } from '../core/limits.ts';
import type { Dot } from '../core/causality/causal-context.ts';

const COUNTER_DIGITS = 14; // 53 bits
const MICROS_DIGITS = 14;

const hex4 = (partition: number): string => partition.toString(16).padStart(4, '0');

/** The kinds of rows that belong to a partition. */
export type RowKind = (typeof ROW_KINDS)[number];

/** All kinds. */
export const ROW_KINDS = ['c', 'e', 'i', 'l', 'o', 'r', 's', 'u'] as const;

/** Returns a metadata row. */
export const metaRow = (name: string): string => `m${name}`;

export const checkpointRow = (partition: number): string => `c${hex4(partition)}`;

/** Whether all rows from `first` to `last` are objects. */
export const areObjects = (first: string, last: string | undefined): boolean =>
  first >= 'o' && last !== undefined && last < 'p';

export const objectRow = (partition: number, key: string): string => `o${hex4(partition)}${key}`;

export const residueRow = (partition: number, key: string): string => `r${hex4(partition)}${key}`;

export const asideRow = (partition: number, key: string): string => `s${hex4(partition)}${key}`;

export const markRow = (partition: number, key: string): string => `u${hex4(partition)}${key}`;

/** Returns the row of a memory. An Idempotency-Key has no NUL, so the row can be taken apart. */
export function memoryRow(partition: number, key: string, idempotencyKey: string): string {
  return `i${hex4(partition)}${key}\0${idempotencyKey}`;
}

/** Returns the key and the Idempotency-Key of a memory row. */
export function subjectOfRow(row: string): { key: string; idempotencyKey: string } {
  const split = row.lastIndexOf('\0');
  return { key: row.slice(5, split), idempotencyKey: row.slice(split + 1) };
}

/** Returns the log row of a dot. The rows of an actor are in the order of its counters. */
export function logRow(partition: number, { actor, counter }: Dot): string {
  return `l${hex4(partition)}${actor}\0${counter.toString(16).padStart(COUNTER_DIGITS, '0')}`;
}

/** Returns an expiry row. The rows of a partition are in the order of time. */
export function expiryRow(partition: number, micros: number, key = ''): string {
  return `e${hex4(partition)}${micros.toString(16).padStart(MICROS_DIGITS, '0')}${key}`;
}

/** Returns the time and the key of an expiry row. */
export function expiryOfRow(row: string): { micros: number; key: string } {
  const end = 5 + MICROS_DIGITS;
  return { micros: Number.parseInt(row.slice(5, end), 16), key: row.slice(end) };
}

/** Returns the partition of a row. */
export const partitionOfRow = (row: string): number => Number.parseInt(row.slice(1, 5), 16);

/** Returns the key of a row whose name ends with one. */
export const keyOfRow = (row: string): string => row.slice(5);

/** The row with the format of the store and the name of its node. */
export const HEADER_ROW = metaRow('header');

/**
 * Whether a row has more than names, clocks and times: versions, the digests of requests, and the
 * keys of the cluster.
 */
export const hasContent = (row: string): boolean =>
  CONTENT_KINDS.has(row.charCodeAt(0)) && row !== HEADER_ROW;

const CONTENT_KINDS = new Set(Array.from('imos', (kind) => kind.charCodeAt(0)));

/** All rows of the kinds that can have content, and some others. */
export const CONTENT_RANGE = { from: 'i', to: 't' } as const;

/** The start of the part of a store with a row: a kind in a partition, or the rows of the store. */
export const partStart = (row: string): string => row.slice(0, row.startsWith('m') ? 1 : 5);

/** Whether a row is an object or a residue. */
export const isKeyRow = (row: string): boolean => row.startsWith('o') || row.startsWith('r');

/** Whether a row has the versions of a key. */
export const isObjectRow = (row: string): boolean => row.startsWith('o');

/** Returns the dot of a log row. */
export function dotOfRow(row: string): Dot {
  const split = row.length - COUNTER_DIGITS - 1;
  return { actor: row.slice(5, split), counter: Number.parseInt(row.slice(split + 1), 16) };
}

/** Returns the partitions that can have a row between two texts. */
export function partitionsBetween(first: string, last: string | undefined): number[] {
  const isIn = (prefix: string): boolean => {
    return prefix >= first.slice(0, prefix.length) && (last === undefined || prefix <= last);
  };
  const all = Array.from({ length: PARTITIONS }, (_, partition) => partition);
  return all.filter((partition) => ROW_KINDS.some((kind) => isIn(kind + hex4(partition))));
}

/** Returns the range of all rows of a kind. */
export const kindRange = (kind: RowKind): { from: string; to: string } => ({
  from: kind,
  to: `${kind}g`,
});

/** Returns the range of the rows of a kind in one partition. */
export function partitionRange(kind: RowKind, partition: number): { from: string; to: string } {
  return { from: kind + hex4(partition), to: kind + hex4(partition + 1) };
}
