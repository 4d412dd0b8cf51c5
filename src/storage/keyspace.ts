/**
 * The rows of a store. One letter says what a row is, four hexadecimal digits its partition:
 *
 * | row                       | value                                                                            |
 * | ------------------------- | -------------------------------------------------------------------------------- |
 * | `m` name                  | metadata of the store                                                            |
 * | `c` pppp                  | checkpoint of a replica: its actor, its clock, where its log begins              |
 * | `e` pppp micros key       | an object has a version that expires then, µs since 1970 in 14 hexadecimal digits |
 * | `i` pppp key NUL id      | a write to the key with that Idempotency-Key: its dot, digest and time           |
 * | `l` pppp actor NUL count  | log: this dot was a write to the key in the value                                |
 * | `o` pppp key              | the versions of an object                                                        |
 * | `r` pppp key              | its residue; most objects have none, and then no row                             |
 * | `s` pppp key              | versions that were set aside: salvaged from damage, and not served               |
 * | `u` pppp key              | mark of a key whose record could not be read: the dots that it may have held     |
 *
 * The residue has a row of its own so that taking it away does not rewrite a large value. Every value is sealed
 * with a checksum (`records.ts`).
 */
import { PARTITIONS } from '../core/limits.ts';
import type { Dot } from '../core/causality/causal-context.ts';

const COUNTER_DIGITS = 14; // 53 bits
const MICROS_DIGITS = 14;

const hex4 = (partition: number): string => partition.toString(16).padStart(4, '0');

/** The kinds of rows that belong to a partition. */
export type RowKind = (typeof ROW_KINDS)[number];

/** All of them. */
export const ROW_KINDS = ['c', 'e', 'i', 'l', 'o', 'r', 's', 'u'] as const;

/** A metadata row. */
export const metaRow = (name: string): string => `m${name}`;

export const checkpointRow = (partition: number): string => `c${hex4(partition)}`;

/** Whether all rows between these two, themselves included, are objects. */
export const areObjects = (first: string, last: string | undefined): boolean =>
  first >= 'o' && last !== undefined && last < 'p';

export const objectRow = (partition: number, key: string): string => `o${hex4(partition)}${key}`;

export const residueRow = (partition: number, key: string): string => `r${hex4(partition)}${key}`;

export const asideRow = (partition: number, key: string): string => `s${hex4(partition)}${key}`;

export const markRow = (partition: number, key: string): string => `u${hex4(partition)}${key}`;

/** The row of what is remembered of a write; an Idempotency-Key has no NUL. */
export function memoryRow(partition: number, key: string, idempotencyKey: string): string {
  return `i${hex4(partition)}${key}\0${idempotencyKey}`;
}

/** What a memory row is about. */
export function subjectOfRow(row: string): { key: string; idempotencyKey: string } {
  const split = row.lastIndexOf('\0');
  return { key: row.slice(5, split), idempotencyKey: row.slice(split + 1) };
}

/** The log row of a dot: an actor's rows lie in the order of its counters. */
export function logRow(partition: number, { actor, counter }: Dot): string {
  return `l${hex4(partition)}${actor}\0${counter.toString(16).padStart(COUNTER_DIGITS, '0')}`;
}

/** An expiry row, without a key the least of its time: a partition's rows lie in the order of time. */
export function expiryRow(partition: number, micros: number, key = ''): string {
  return `e${hex4(partition)}${micros.toString(16).padStart(MICROS_DIGITS, '0')}${key}`;
}

/** What an expiry row says. */
export function expiryOfRow(row: string): { micros: number; key: string } {
  const end = 5 + MICROS_DIGITS;
  return { micros: Number.parseInt(row.slice(5, end), 16), key: row.slice(end) };
}

/** The partition of a row. */
export const partitionOfRow = (row: string): number => Number.parseInt(row.slice(1, 5), 16);

/** The user's key of an object or residue row. */
export const keyOfRow = (row: string): string => row.slice(5);

/** Whether a row belongs to one key. */
export const isKeyRow = (row: string): boolean => row.startsWith('o') || row.startsWith('r');

/** The dot of a log row. */
export function dotOfRow(row: string): Dot {
  const split = row.length - COUNTER_DIGITS - 1;
  return { actor: row.slice(5, split), counter: Number.parseInt(row.slice(split + 1), 16) };
}

/** The partitions that have, or had, a row whose name begins between two texts. */
export function partitionsBetween(first: string, last: string | undefined): number[] {
  const isIn = (prefix: string): boolean => {
    return prefix >= first.slice(0, prefix.length) && (last === undefined || prefix <= last);
  };
  const all = Array.from({ length: PARTITIONS }, (_, partition) => partition);
  return all.filter((partition) => ROW_KINDS.some((kind) => isIn(kind + hex4(partition))));
}

/** All rows of a kind. */
export const kindRange = (kind: RowKind): { from: string; to: string } => ({ from: kind, to: `${kind}g` });

/** The rows of a kind in one partition. */
export function partitionRange(kind: RowKind, partition: number): { from: string; to: string } {
  return { from: kind + hex4(partition), to: kind + hex4(partition + 1) };
}
