/** Bounds of requests, tokens and placement, each with its reason. */
import { KIB } from '../base/bytes.ts';

/**
 * Partitions of the key space. 256 spread well over 100 nodes, and their clocks still fit into a
 * few hundred KiB.
 */
export const PARTITIONS = 256;

/**
 * The number of partitions that a member may own, as a multiple of its fair share. The fullest node
 * sets the pace of the cluster.
 */
export const PLACEMENT_CAP = 1.05;

/**
 * Longest key of a user: long enough for any path, short enough that thousands fit in a log page.
 * The longest key that a replica holds may have a namespace before such a key.
 */
export const MAX_KEY_BYTES = 1024;
export const MAX_HELD_KEY_BYTES = 2048;

/** The longest Idempotency-Key. */
export const MAX_IDEMPOTENCY_KEY_CHARS = 255;

/** The longest timeout that a request may ask for. A client gives up earlier than this anyway. */
export const MAX_TIMEOUT_MS = 60_000;

/** Actors that one of our tokens names. A key never has nearly as many that can still write. */
export const MAX_TOKEN_ACTORS = 100;

/** The longest token that is accepted. Earlier releases sent some of this length. */
export const MAX_TOKEN_CHARS = 32 * KIB;

/**
 * The longest token of an answer. Many clients accept 16 KiB of headers in all. A real token has a
 * few hundred characters.
 */
export const MAX_SENT_TOKEN_CHARS = 4 * KIB;

/** Ranges that a decoded token may have. A real one has a handful. */
export const MAX_TOKEN_RANGES = 4096;

/**
 * The keys that sign tokens. Usually there are two. Each part of a cluster that begins without
 * hearing the others draws one more.
 */
export const MAX_TOKEN_KEYS = 8;

/** The time for which a key signs tokens, and for which they are accepted after it: 30 days. */
export const TOKEN_KEY_MICROS = 30 * 86_400 * 1e6;

/** The largest number of a key: there will not be as many. */
export const MAX_KEY_GENERATION = 2 ** 32;

/** Keys on one page of a listing: about ten KiB of JSON and ten milliseconds of work. */
export const MAX_LIST_KEYS = 1000;

/**
 * The time for which a replica remembers the Idempotency-Key of an overwritten version, and the
 * number that it remembers. A replica that is filled gets all of them at once. For a node that owns
 * all partitions, that is about 100 000 writes.
 */
export const IDEMPOTENCY_MS = 600_000;
export const MAX_MEMORIES = 512;

/**
 * Tokens in `X-Mec-Gone`, which a reader sends for versions that it knows to be gone: one, and
 * those of reads that were in progress together.
 */
export const MAX_GONE_TOKENS = 4;

/**
 * The longest actor, in UTF-16 units. The name of a node, a life and the number of a replica are
 * far shorter.
 */
export const MAX_ACTOR_CHARS = 256;

/** Members in one list, including those that are gone. A larger list would not fit in a message. */
export const MAX_MEMBERS = 1024;

/**
 * The largest version and generation of a member record, and the largest step of one. A member that
 * changes its record a thousand times a second takes 50 days for such a step. So a version that was
 * damaged is refused, or leaves the member room to exceed it.
 */
export const MAX_RECORD_VERSION = 2 ** 48;
export const MAX_VERSION_STEP = 2 ** 32;

/**
 * The weights that a member may have. Placement moves partitions by the ratio of weights, so a
 * larger one would take nearly all of them.
 */
export const MIN_MEMBER_WEIGHT = 0.1;
export const MAX_MEMBER_WEIGHT = 100;

/** The longest name of a zone. */
export const MAX_ZONE_CHARS = 64;

/**
 * The longest time to live, in seconds: ten years. A version that must live longer needs no time to
 * live.
 */
export const MAX_TTL_SECONDS = 315_360_000;

/**
 * Records of the ledger, and units of text in the rights of one identity. Each node keeps all of
 * them in its memory, and tells them others whole. Parts of a cluster that cannot hear each other
 * may each add as many, so that a merged ledger may be larger.
 */
export const MAX_LEDGER_RECORDS = 4096;
export const MAX_MERGED_LEDGER_RECORDS = 4 * MAX_LEDGER_RECORDS;
export const MAX_LEDGER_RIGHTS_CHARS = 4096;

/** The largest quota of a tenant: a pebibyte, of which sums are still exact numbers. */
export const MAX_QUOTA_BYTES = 2 ** 50;

/** The time for which the ledger keeps an expired record, for nodes whose clocks are late, µs. */
export const LEDGER_KEEP_MICROS = 86_400 * 1e6;

/** The lifetime of tokens if no other is asked for, and the longest one, µs. */
export const TOKEN_LIFE_MICROS = 90 * 86_400 * 1e6;
export const MAX_TOKEN_LIFE_MICROS = 3_660 * 86_400 * 1e6;

/**
 * The time for which the ledger keeps the revoked key of a node, µs: longer than the authority of a
 * cluster lasts. A member that was away for less brings no such key back. In that time, seven nodes
 * may change their keys each week before the ledger is full.
 */
export const REVOKED_KEY_MICROS = MAX_TOKEN_LIFE_MICROS;

/** The lifetime of a token that an operator makes on the disk of a node, µs. */
export const RECOVERY_MICROS = 15 * 60 * 1e6;

/** The latest wall time of a record, µs since 1970: in the year 2255. */
export const MAX_WALL_MICROS = Number.MAX_SAFE_INTEGER;
