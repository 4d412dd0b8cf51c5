/**
 * Bounds that several rooms share, each with its reason. A bound of one room is in the `limits.ts`
 * of that room.
 */
import { MIB } from './bytes.ts';

/** Bytes of all versions of one key together, because an object travels in one message. */
export const MAX_OBJECT_BYTES = 32 * MIB;

/** After a message larger than this, the shared encoder's buffer is freed. */
export const ENCODER_KEEP_BYTES = 4 * MIB;

/**
 * A log line is written once in this time; repetitions are counted. Otherwise a fault that every
 * request meets would fill the disk.
 */
export const LOG_REPEAT_MS = 1_000;

/**
 * Lines of one event that differ in their fields and are written in `LOG_REPEAT_MS`. That is enough
 * to name a few nodes or partitions, but not all of them.
 */
export const LOG_EVENT_LINES = 20;

/** UTF-16 units of a text in a log line. Texts of peers and clients may be far longer. */
export const MAX_LOG_TEXT_CHARS = 1_024;

/** Log lines remembered for `LOG_REPEAT_MS`. The code has fewer than a hundred events. */
export const MAX_LOG_LINES = 1_000;
