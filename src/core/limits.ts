/** Bounds of what users may ask for, of tokens, and of placement, each with its reason. */
import { KIB } from '../base/bytes.ts';

/** Partitions of the key space. 256 spread well over 100 nodes, and their clocks still fit in a few hundred KiB. */
export const PARTITIONS = 256;

/**
 * No member owns more than so many times its fair share of partitions: above it the fullest node
 * sets the pace of all.
 */
export const PLACEMENT_CAP = 1.05;

/** The longest timeout that a request may ask for: past that a client has given up anyway. */
export const MAX_TIMEOUT_MS = 60_000;

/** Actors that a token we make names: far more than a key ever has alive. */
export const MAX_TOKEN_ACTORS = 100;

/** Longest token, as text: a hundred actors with the longest names and some gaps. */
export const MAX_TOKEN_CHARS = 32 * KIB;

/** Most ranges a decoded token may hold; a real one has a handful. */
export const MAX_TOKEN_RANGES = 4096;

/** Keys on one page of a listing: some ten KiB of JSON, some ten milliseconds of work. */
export const MAX_LIST_KEYS = 1000;

/**
 * How long, and of how many writes, a replica remembers the Idempotency-Keys whose versions were
 * overwritten. A replica that is filled is told all of it at once; on a node that owns all
 * partitions that is some 100 000 writes, and as many MiB as these have KiB of keys.
 */
export const IDEMPOTENCY_MS = 600_000;
export const MAX_MEMORIES = 512;

/** Tokens of what a reader says it has seen gone: one, and those of reads that were under way together. */
export const MAX_GONE_TOKENS = 4;
