/**
 * The disk, as the store sees it: one ordered map of text keys to bytes. `test/conformance` holds every
 * implementation to the same rules.
 */

/** One row to write; without a value the row goes. */
export interface Change {
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

/** An open store. All but `close` throw or reject once it is closed. */
export interface Engine extends RowReader {
  /** Writes all of the rows or none; when it resolves with `sync`, they survive the loss of power. */
  commit(changes: readonly Change[], sync: boolean): Promise<void>;
  /** Makes a read view of what has been committed by now. */
  snapshot(): Snapshot;
  /** How much room the rows take, about. */
  diskBytes(): Promise<number>;
  /** Closes the store. All that was committed is durable first. */
  close(): Promise<void>;
  /** Lets go of the store as a crash would. */
  abandon(): Promise<void>;
  /** Abandons the store and moves it out of the way, under another name: the next open makes a new one. */
  setAside(): Promise<void>;
}

/** Opens a store, creating it where there is none; rejects with `StartError` where that is impossible. */
export type OpenEngine = () => Promise<Engine>;
