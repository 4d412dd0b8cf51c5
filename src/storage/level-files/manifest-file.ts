/** LevelDB's MANIFEST: a log of edits to the list of tables. */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { ByteReader } from './byte-reader.ts';
import { type FileFlip, readLog } from './log-file.ts';

/** A table, with its first and last row, as Latin-1. */
export interface TableEntry {
  readonly bytes: number;
  readonly first: string;
  readonly last: string;
}

/** The content of a manifest. */
export interface Manifest {
  readonly tables: ReadonlyMap<number, TableEntry>;
  /** The rows of logs with lower numbers are in the tables. */
  readonly logNumber: number;
  /** Bits that must be flipped. */
  readonly flips: readonly FileFlip[];
}

/** Returns the name of the manifest that CURRENT names; undefined if it names none. */
export const manifestOf = (current: string): string | undefined =>
  /^(MANIFEST-\d+)\n$/.exec(current)?.[1];

/**
 * Reads the manifest of an open store; undefined if it cannot be read, or is being written just
 * now.
 */
export async function readOpenManifest(directory: string): Promise<Manifest | undefined> {
  try {
    const name = manifestOf(await readFile(join(directory, 'CURRENT'), 'latin1'));
    return name === undefined ? undefined : readManifest(await readFile(join(directory, name)));
  } catch {
    return undefined;
  }
}

/** Reads a manifest; undefined if any record of it is damaged. */
export function readManifest(file: Uint8Array): Manifest | undefined {
  const { records, isTorn, flips } = readLog(file);
  if (isTorn || records.length === 0 || records.some(({ isSound }) => !isSound)) return undefined;
  const tables = new Map<number, TableEntry>();
  const state: Edited = { tables, logNumber: undefined, hasNext: false };
  if (!records.every(({ bytes }) => edit(new ByteReader(bytes), state))) return undefined;
  return state.logNumber === undefined || !state.hasNext
    ? undefined
    : { tables, logNumber: state.logNumber, flips };
}

interface Edited {
  readonly tables: Map<number, TableEntry>;
  logNumber: number | undefined;
  hasNext: boolean;
}

/** Applies one edit. Returns false if it cannot be read. */
function edit(reader: ByteReader, state: Edited): boolean {
  const added: [number, TableEntry][] = [];
  while (!reader.isAtEnd) {
    const tag = reader.varint();
    if (tag === 4 || tag === 9) reader.varint();
    else if (tag === 1) reader.sized();
    else if (tag === 2) state.logNumber = reader.varint();
    else if (tag === 3) state.hasNext = reader.varint() > 0;
    else if (tag >= 5 && tag <= 7) {
      // These fields begin with a level, which does not matter here.
      reader.varint();
      if (tag === 5) reader.sized();
      else if (tag === 6) state.tables.delete(reader.varint());
      else added.push(newTable(reader));
    } else return false;
  }
  // A table that only moves to another level is deleted and added in one edit.
  for (const [number, table] of added) state.tables.set(number, table);
  return !reader.isSpent;
}

function newTable(reader: ByteReader): [number, TableEntry] {
  const number = reader.varint();
  const bytes = reader.varint();
  return [number, { bytes, first: userKey(reader.sized()), last: userKey(reader.sized()) }];
}

/** Returns the row of an internal key, which ends with eight bytes of sequence number and kind. */
export function userKey(internal: Uint8Array): string {
  return Buffer.from(internal.subarray(0, Math.max(0, internal.length - 8))).toString('latin1');
}
