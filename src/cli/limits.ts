/** Bounds of the command line, each with its reason. */
import { MAX_OBJECT_BYTES } from '../base/limits.ts';

/** The default number of nodes of `mec dev`: as many as a key has replicas. */
export const DEV_DEFAULT_NODES = 3;

/**
 * Nodes that a development cluster may ever have. They are processes on one machine, with ports
 * that follow from their numbers.
 */
export const MAX_DEV_NODES = 32;

/**
 * The interval at which `mec dev` checks whether a node serves, and the wait for each answer,
 * because a hanging node gives none.
 */
export const DEV_POLL_MS = 100;
export const DEV_ASK_TIMEOUT_MS = 3_000;

/** The lead of a clock that `mec dev` has put ahead: an error that an operator must see at once. */
export const DEV_CLOCK_LEAD_MS = 3_600_000;

/** The time in which the nodes of `mec dev` must start to serve. */
export const DEV_START_TIMEOUT_MS = 30_000;

/** The time that `mec dev` gives a node to stop, before it kills it. */
export const DEV_STOP_TIMEOUT_MS = 10_000;

/**
 * The load of `mec dev`: requests per second, the interval at which they are sent, and the keys
 * that they go to. It is small enough to leave the machine free for a browser.
 */
export const DEV_LOAD_PER_SECOND = 100;
export const DEV_LOAD_TICK_MS = 100;
export const DEV_LOAD_KEYS = 200;

/** Requests of the load that wait for an answer. A hung node takes most of them. */
export const MAX_DEV_LOAD_IN_FLIGHT = 64;

/** The longest body of a command of the page of `mec dev`: a word, and some names. */
export const MAX_DEV_ACTION_BYTES = 4_096;

/** Requests of the page that a node is answering, from all tabs. A hung node answers none. */
export const MAX_DEV_FORWARDS = 128;

/** The longest wait of the page for a node. */
export const DEV_FORWARD_TIMEOUT_MS = 15_000;

/** How long `mec doctor` waits for another node to take a connection. */
export const DOCTOR_CONNECT_MS = 2_000;

/** The interval at which a command that waits for a node checks again. */
export const OPERATOR_POLL_MS = 1_000;

/** The polls after which `mec leave` names the members that it waits for. Most end sooner. */
export const LEAVE_SILENT_POLLS = 4;

/** The polls in which two clusters must become one. They need no more than a few seconds. */
export const MERGE_POLLS = 30;

/** Keys that an export or import processes at once. */
export const TRANSFER_CONCURRENCY = 16;

/** The longest line of an export: all bytes of one key as base64, with its metadata. */
export const MAX_EXPORT_LINE_BYTES = 2 * MAX_OBJECT_BYTES;
