/**
 * The disk as the store sees it: one ordered map of text keys to bytes. `test/conformance` tests
 * every implementation by the same rules.
 */

/** A row to write; without a value, the row is removed. */
export interface RowChange {
  readonly key: string;
  readonly value: Uint8Array | undefined;
}

/** A row as it was read. */
export type Row = readonly [key: string, value: Uint8Array];

/**
 * The rows to read: `from` ≤ key < `to`, in the order of the keys' UTF-8 bytes, at most `limit`.
 */
export interface ScanRange {
  readonly from: string;
  readonly to: string;
  readonly limit: number;
}

/** Reads rows. */
export interface RowReader {
  /**
   * Returns the value of a row; undefined if absent. It is synchronous, because a read from the
   * cache is many times cheaper so, and because writes then need no lock.
   */
  get(key: string): Uint8Array | undefined;
  /** Reads the rows of a range in order. */
  scan(range: ScanRange): Promise<Row[]>;
  /** Reads the keys of the rows that `scan` would read. */
  keys(range: ScanRange): Promise<string[]>;
}

/**
 * The rows as they were when the snapshot was made, with whole batches only. The engine keeps old
 * rows for it, so it must be closed. Closing the engine closes it, too. Reads of a closed snapshot
 * throw or reject.
 */
export interface Snapshot extends RowReader {
  /** Closes the snapshot; a second call does nothing. */
  close(): Promise<void>;
}

/**
 * Rows that may be lost: those whose keys lie between these two; all after `first` without `last`.
 */
export interface LostRange {
  readonly first: string;
  readonly last: string | undefined;
}

/** The result of mending a damaged store. */
export interface Salvage {
  /** Rows that may be lost, or may have an older value. */
  readonly lost: readonly LostRange[];
  /** Reads rows in the damaged parts. They may be old, or not as they were written. */
  recoveredRows(): AsyncIterable<Row>;
  /** Text for the log: the damage, and where the damaged files are kept. */
  readonly report: string;
  /** Ends the salvage: the store has taken all of it in, durably. */
  end(): Promise<void>;
}

/**
 * An open store. All methods but `close` throw or reject when it is closed. They throw or reject
 * with `damaged` if they find damage.
 */
export interface Engine extends RowReader {
  /** The salvage of damage that the opening found; undefined if it found none. */
  readonly salvage: Salvage | undefined;
  /** Writes all of the rows or none. With `sync`, they survive a loss of power when it resolves. */
  commit(changes: readonly RowChange[], sync: boolean): Promise<void>;
  /** Makes a snapshot of the rows that have been committed by now. */
  snapshot(): Snapshot;
  /** Takes old values of the rows `from` ≤ key < `to` off the disk, unless a snapshot has them. */
  purge(from: string, to: string): Promise<void>;
  /** Returns about how many bytes the rows take. */
  diskBytes(): Promise<number>;
  /** Makes all commits durable, and closes the store. */
  close(): Promise<void>;
  /** Gives the store up as a crash would. */
  abandon(): Promise<void>;
  /**
   * Verifies the next part of the files, about `bytes` long. Rejects with `damaged` if it is
   * damaged.
   */
  verify(bytes: number): Promise<void>;
  /** Gives up a store that is damaged. The next opening examines all of it, and mends it. */
  suspect(): Promise<void>;
}

/** Opens a store, or creates it. Rejects with `StartError` if that is impossible. */
export type OpenEngine = () => Promise<Engine>;
