/** LevelDB's MANIFEST: a log of edits that says which tables make up the store. */
import { ByteReader } from './byte-reader.ts';
import { type FileFlip, readLog } from './log-file.ts';

/** A table, and the names of its first and last row, as Latin-1. */
export interface TableEntry {
  readonly bytes: number;
  readonly first: string;
  readonly last: string;
}

/** What a manifest says. */
export interface Manifest {
  readonly tables: ReadonlyMap<number, TableEntry>;
  /** Logs with lower numbers are in the tables already. */
  readonly logNumber: number;
  /** Bits that are not as they were written. */
  readonly flips: readonly FileFlip[];
}

/** Reads a manifest; undefined if any of it is not as it was written. */
export function readManifest(file: Uint8Array): Manifest | undefined {
  const { records, isTorn, flips } = readLog(file);
  if (isTorn || records.length === 0 || records.some(({ isSound }) => !isSound)) return undefined;
  const tables = new Map<number, TableEntry>();
  const state: Edited = { tables, logNumber: undefined, hasNext: false };
  if (!records.every(({ bytes }) => edit(new ByteReader(bytes), state))) return undefined;
  return state.logNumber === undefined || !state.hasNext ? undefined : { tables, logNumber: state.logNumber, flips };
}

interface Edited {
  readonly tables: Map<number, TableEntry>;
  logNumber: number | undefined;
  hasNext: boolean;
}

/** Applies one edit; false if it makes no sense. */
function edit(reader: ByteReader, state: Edited): boolean {
  const added: [number, TableEntry][] = [];
  while (!reader.isAtEnd) {
    const tag = reader.varint();
    if (tag === 4 || tag === 9) reader.varint();
    else if (tag === 1) reader.sized();
    else if (tag === 2) state.logNumber = reader.varint();
    else if (tag === 3) state.hasNext = reader.varint() > 0;
    else if (tag >= 5 && tag <= 7) {
      // They begin with the level.
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

/** The row of an internal key: eight bytes of number and kind follow it. */
export function userKey(internal: Uint8Array): string {
  return Buffer.from(internal.subarray(0, Math.max(0, internal.length - 8))).toString('latin1');
}
