/** Bounds that several rooms share, each with its reason. Those of one room are in its own `limits.ts`. */
import { MIB } from './bytes.ts';

/** Bytes of all versions of one key together: an object travels in one message. */
export const MAX_OBJECT_BYTES = 32 * MIB;

/** The shared encoder's buffer is let go after a message larger than this. */
export const ENCODER_KEEP_BYTES = 4 * MIB;

/**
 * The same line is logged once in this time, then with its number: a fault that every request meets
 * must not fill the disk.
 */
export const LOG_REPEAT_MS = 1_000;

/**
 * Lines of one event with different fields that are told one by one in that time: news of a few
 * nodes or partitions, not of all.
 */
export const LOG_EVENT_LINES = 20;

/** Lines remembered for that; there are fewer than a hundred events. */
export const MAX_LOG_LINES = 1_000;
