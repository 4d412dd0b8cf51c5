/** Bounds of embedded nodes, each with its reason. */

/**
 * The number of ports at which an embedded node looks for free ones, and of starts before it gives
 * up, if another process takes its port first.
 */
export const FREE_PORT_TRIES = 100;
export const EMBED_START_TRIES = 5;

/**
 * The time in which all nodes of an embedded cluster must see each other, and the interval between
 * checks.
 */
export const EMBED_START_TIMEOUT_MS = 20_000;
export const EMBED_POLL_MS = 10;
