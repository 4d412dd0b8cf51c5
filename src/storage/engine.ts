/**
 * The disk, as the store sees it: one ordered map of text keys to bytes. `test/conformance` holds every
 * implementation to the same rules.
 */

/** One row to write; without a value the row goes. */
export interface RowChange {
  readonly key: string;
  readonly value: Uint8Array | undefined;
}

/** A row as it was read. */
export type Row = readonly [key: string, value: Uint8Array];

/** Which rows to read: `from` ≤ key < `to`, in the order of the keys' UTF-8 bytes, at most `limit`. */
export interface ScanRange {
  readonly from: string;
  readonly to: string;
  readonly limit: number;
}

/** Reads rows. */
export interface RowReader {
  /** The value of a row, or undefined. Synchronous: warm reads are many times cheaper so, and writes need no lock. */
  get(key: string): Uint8Array | undefined;
  /** Reads rows in order. */
  scan(range: ScanRange): Promise<Row[]>;
  /** The keys of the rows that `scan` would read, without their values. */
  keys(range: ScanRange): Promise<string[]>;
}

/**
 * The store as it was when the view was made, with whole batches only. It holds back the space of what has changed
 * since, so it must be closed. Closing the engine closes it; reads of a closed view throw or reject.
 */
export interface Snapshot extends RowReader {
  /** Lets go of the view; a second call does nothing. */
  close(): Promise<void>;
}

/** Rows that may be gone: those whose names begin between these two; to the end if there is no last. */
export interface LostRange {
  readonly first: string;
  readonly last: string | undefined;
}

/** What was found when a damaged store was opened and mended. */
export interface Salvage {
  /** Rows that may be gone, or be as they once were. */
  readonly lost: readonly LostRange[];
  /** Rows found in the damaged parts: any state of them, and not all as they were written. */
  strays(): AsyncIterable<Row>;
  /** What was wrong, and where the files are kept as they were. */
  readonly report: string;
  /** The store has taken all of that in, durably. */
  end(): Promise<void>;
}

/** An open store. All but `close` throw or reject once it is closed. Damage throws or rejects with `damaged`. */
export interface Engine extends RowReader {
  /** What was lost before it was opened; undefined if nothing was. */
  readonly salvage: Salvage | undefined;
  /** Writes all of the rows or none; when it resolves with `sync`, they survive the loss of power. */
  commit(changes: readonly RowChange[], sync: boolean): Promise<void>;
  /** Makes a read view of what has been committed by now. */
  snapshot(): Snapshot;
  /** How much room the rows take, about. */
  diskBytes(): Promise<number>;
  /** Closes the store. All that was committed is durable first. */
  close(): Promise<void>;
  /** Lets go of the store as a crash would. */
  abandon(): Promise<void>;
  /** Reads on through what lies on the disk, about so many bytes, and verifies it; rejects with `damaged`. */
  verify(bytes: number): Promise<void>;
  /** Abandons a store that is damaged: the next open looks through all of it, and mends it. */
  suspect(): Promise<void>;
}

/** Opens a store, creating it where there is none; rejects with `StartError` where that is impossible. */
export type OpenEngine = () => Promise<Engine>;
