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

/** An open store. All but `close` throw or reject once it is closed. */
export interface Engine {
  /**
   * The mark that the last clean close left, where this is the very place in which it was left: not a copy, not restored, not after
   * a crash. It is used up by opening: a second open without a clean close in between finds none.
   */
  readonly mark: string | undefined;
  /** The value of a row, or undefined. Synchronous: warm reads are many times cheaper so, and writes need no lock. */
  get(key: string): Uint8Array | undefined;
  /** Writes all of the rows or none; when it resolves with `sync`, they survive the loss of power. */
  commit(changes: readonly Change[], sync: boolean): Promise<void>;
  /** Reads rows in order. */
  scan(range: ScanRange): Promise<Row[]>;
  /** The keys of the rows that `scan` would read, without their values. */
  keys(range: ScanRange): Promise<string[]>;
  /** How much room the rows take, about. */
  diskBytes(): Promise<number>;
  /** Closes cleanly and leaves a mark, one line of text, for the next open. All that was committed is durable first. */
  close(mark: string): Promise<void>;
  /** Lets go of the store as a crash would: no mark. */
  abandon(): Promise<void>;
  /** Abandons the store and moves it out of the way, under another name: the next open makes a new one. */
  setAside(): Promise<void>;
}

/** Opens a store, creating it where there is none; rejects with `StartError` where that is impossible. */
export type OpenEngine = () => Promise<Engine>;
