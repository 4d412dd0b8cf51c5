/** Bounds of the store, each with its reason. */
import { KIB, MIB } from '../base/bytes.ts';

/** Siblings of one key before writes get 409: a client that leaves more does not resolve them. */
export const MAX_SIBLINGS = 100;

/**
 * Ranges in the context of a key before a token may add more than one. The dots of an actor that no
 * member knows stay for ever, and a message takes 65 536 ranges. All owners of a key may reach this
 * bound at the same time.
 */
export const MAX_OBJECT_RANGES = 8192;

/** Rows and bytes that may wait for the disk. A write beyond that gets 503. */
export const MAX_COMMIT_ROWS = 200_000;
export const MAX_COMMIT_BYTES = 128 * MIB;

/** Bytes of a batch, so that one sync does not take seconds. */
export const MAX_BATCH_BYTES = 16 * MIB;

/** Rows of one page of a scan: between two pages, other work has its turn. */
export const SCAN_PAGE_ROWS = 1000;

/** Bytes and rows that the background verifies about once a second. */
export const VERIFY_PAGE_BYTES = MIB / 2;
export const VERIFY_PAGE_ROWS = 1000;

/** Rows of the first page of work in the background, before the size of records is known. */
export const FIRST_PAGE_ROWS = 64;

/** Replicas whose objects one round of background work counts after a start. */
export const COUNT_REPLICAS = 16;

/**
 * Bits of a filter for each key that it has room for, and probes of a key. A full filter takes 1 %
 * of the absent keys for present ones. A million keys take 1.3 to 5 MB.
 */
export const FILTER_BITS = 10;
export const FILTER_PROBES = 4;

/** Keys that the smallest filter counts with: 256 replicas then take 1 MiB. */
export const FILTER_KEYS = 1_000;

/**
 * Bytes that one round of background work reads to count those of tenants, and ranges of rows, of
 * which each takes a seek. Requests have their turns between two pages.
 */
export const COUNT_SWEEP_BYTES = 32 * MIB;
export const COUNT_RANGES = 1024;
export const COUNT_PAGE_BYTES = MIB;

/** Rounds of background work between two counts of the bytes on disk. */
export const DISK_BYTES_SWEEPS = 10;

/**
 * Bytes and rows that the background rewrites in one turn after a change of the data key, and such
 * pages about once a second: requests have their turns in between.
 */
export const RESEAL_PAGE_BYTES = MIB;
export const RESEAL_PAGE_ROWS = 256;
export const RESEAL_PAGES = 4;

/**
 * Records that one derived key seals. With random nonces of 96 bits, 2³² is the bound of NIST SP
 * 800-38D.
 */
export const MAX_SEALED_RECORDS = 2 ** 28;

/** Derived keys in memory, to read with: each start of the node has one. */
export const MAX_DERIVED_KEYS = 1_000;

/** Data keys of one store. Another one must wait until the node has rewritten its records. */
export const MAX_DATA_KEYS = 8;

/** Bytes of a damaged store that one batch sets aside. */
export const SALVAGE_BATCH_BYTES = 4 * MIB;

/** Marks of one partition: if more keys are damaged, the whole replica begins again. */
export const MAX_MARKS = 1_000;

/** Damaged keys that the status names. The log has them all. */
export const MAX_NAMED_KEYS = 100;

/** The pause before a failed store is opened again. */
export const STORE_REOPEN_MS = 1_000;

/**
 * LevelDB's memory for rows that are not in a table yet. On large values, 64 MiB measured 2.6 times
 * the throughput of the default. 16 MiB keeps a node small.
 */
export const LEVEL_WRITE_BUFFER_BYTES = 16 * MIB;

/** Bytes of the cache of decoded objects: about 30 000 small ones. */
export const OBJECT_CACHE_BYTES = 16 * MIB;

/** The write buffer of the database that is only a lock, and has no rows. */
export const LOCK_BUFFER_BYTES = 64 * KIB;

/** Bytes of a native batch that is kept for the next commit. A larger one is freed. */
export const LEVEL_BATCH_KEEP_BYTES = 1 * MIB;

/**
 * LevelDB's cache of uncompressed blocks, for the neighbours of rows that were read. The rows
 * themselves are in the object cache.
 */
export const LEVEL_CACHE_BYTES = 8 * MIB;
