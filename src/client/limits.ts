/** Bounds of the client, each with its reason. */
import { KIB, MIB } from '../base/bytes.ts';

/** The longest a client waits for one answer, with all its retries, unless told otherwise. */
export const CLIENT_DEADLINE_MS = 10_000;

/**
 * The longest a client waits for one node before it asks another: a healthy cluster answers in
 * milliseconds, one with a hung node in a second or two.
 */
export const CLIENT_ATTEMPT_MS = 2_000;

/**
 * Share of an attempt that the node itself may take, so that its own error (with have and need)
 * arrives before the attempt ends.
 */
export const CLIENT_SERVER_SHARE = 0.9;

/** Bounds of the wait before a read is sent to a second node as well, and what it is before there are samples. */
export const CLIENT_MIN_HEDGE_MS = 10;
export const CLIENT_MAX_HEDGE_MS = 250;
export const CLIENT_FIRST_HEDGE_MS = 100;

/** Pause before a round of all nodes is tried again: doubled each time, with jitter. */
export const CLIENT_BACKOFF = { firstMs: 25, mostMs: 1_000 } as const;

/** How long a node that failed is asked last: doubled with each failure in a row. */
export const CLIENT_REST_MS = 250;
export const CLIENT_MAX_REST_MS = 10_000;

/** Keys of which a client remembers what it has seen; the least recently used is forgotten. Some hundred bytes each. */
export const MAX_SESSION_KEYS = 10_000;

/** Writes to one key remembered between two reads of it; the oldest is forgotten. */
export const MAX_SESSION_DOTS = 100;

/**
 * Tokens of 404s remembered for one key, in characters: that of a cluster of a hundred nodes, well
 * below what headers may take.
 */
export const MAX_SESSION_GONE_CHARS = 8 * KIB;

/** Rounds of `update` before it gives up: each lost one means that a node refused the write for its siblings. */
export const MAX_UPDATE_ROUNDS = 8;

/** How long `update` looks for a node that knows its own last write to the key before it goes on as a new author. */
export const UPDATE_CATCH_UP_MS = 1_000;

/**
 * Bytes that a value may have when a client has taken its Content-Encoding off: four of the largest
 * values, and no bomb.
 */
export const MAX_DECODED_BYTES = 64 * MIB;

/** Updates of one key that wait in one client for those before them. */
export const MAX_UPDATES_WAITING = 1_000;

/**
 * Share of its reads that a client sends to a second node because they are late, and how many of
 * them it may save up: slow nodes must not get twice the work.
 */
export const CLIENT_HEDGE_SHARE = 0.1;
export const CLIENT_HEDGE_BURST = 10;
