/** Bounds of the command line, each with its reason. */
import { MAX_OBJECT_BYTES } from '../base/limits.ts';

/** Nodes of `mec dev`, unless told; as many as a key has replicas. */
export const DEV_DEFAULT_NODES = 3;

/**
 * Nodes that a development cluster may ever have had: processes on one machine, each with ports
 * that follow from its number.
 */
export const MAX_DEV_NODES = 32;

/**
 * How often `mec dev` looks whether a node serves, and how long it waits for an answer: a node that
 * hangs gives none.
 */
export const DEV_POLL_MS = 100;
export const DEV_ASK_TIMEOUT_MS = 3_000;

/** How long `mec dev` waits for its nodes to serve. */
export const DEV_START_TIMEOUT_MS = 30_000;

/** How long `mec dev` waits for a node to stop before it kills it. */
export const DEV_STOP_TIMEOUT_MS = 10_000;

/** How often a command that waits for a node looks again. */
export const OPERATOR_POLL_MS = 1_000;

/** Keys that an export or import has in flight at once. */
export const TRANSFER_CONCURRENCY = 16;

/** Longest line of an export: all the bytes that a key may have, as base64, with room for what stands around them. */
export const MAX_EXPORT_LINE_BYTES = 2 * MAX_OBJECT_BYTES;
