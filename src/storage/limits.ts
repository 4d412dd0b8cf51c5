/** Bounds of the store, each with its reason. */
import { KIB, MIB } from '../base/bytes.ts';

/** Concurrent versions of one key before writes get 409: beyond that a client is not resolving at all. */
export const MAX_SIBLINGS = 100;

/** Rows and bytes waiting for the disk. Beyond it writes get 503 at once. */
export const MAX_COMMIT_ROWS = 200_000;
export const MAX_COMMIT_BYTES = 128 * MIB;

/** Largest single batch, so that one sync never takes seconds. */
export const MAX_BATCH_BYTES = 16 * MIB;

/** Rows read from disk per page of a scan: long scans must let others have their turn. */
export const SCAN_PAGE_ROWS = 1000;

/** Bytes and rows that are verified in the background about once a second. */
export const VERIFY_PAGE_BYTES = MIB / 2;
export const VERIFY_PAGE_ROWS = 1000;
export const VERIFY_FIRST_PAGE_ROWS = 64;

/** Replicas whose objects are counted in one round of background work, after a start. */
export const COUNT_REPLICAS = 16;

/** Rounds of background work between two looks at the room that the store takes. */
export const DISK_BYTES_SWEEPS = 10;

/** What is set aside of a damaged store in one batch. */
export const SALVAGE_BATCH_BYTES = 4 * MIB;

/** Marks of one partition: a disk that has lost more keys than that is better mended as a whole. */
export const MAX_MARKS = 1_000;

/** Keys that could be read nowhere any more, as they are named in the status; the log has them all. */
export const MAX_NAMED_KEYS = 100;

/** Pause before a failed store is opened again. */
export const STORE_REOPEN_MS = 1_000;

/**
 * LevelDB's memory for not yet sorted rows; 64 MiB measured 2.6 times the default on large values,
 * 16 keeps a node small.
 */
export const LEVEL_WRITE_BUFFER_BYTES = 16 * MIB;

/** Objects that a node keeps at hand, decoded; some 30 000 small ones. */
export const OBJECT_CACHE_BYTES = 16 * MIB;

/** Nothing is ever written to the store that is only a lock. */
export const LOCK_BUFFER_BYTES = 64 * KIB;

/** A native batch that has held more is not kept for the next. */
export const LEVEL_BATCH_KEEP_BYTES = 1 * MIB;

/** LevelDB's cache of uncompressed blocks: for neighbours of what is read; what is read again is at hand already. */
export const LEVEL_CACHE_BYTES = 8 * MIB;
