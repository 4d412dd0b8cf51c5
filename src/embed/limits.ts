/** Bounds of starting nodes within a process, each with its reason. */

/**
 * Places where an embedded node looks for free ports, and times that it starts over because another
 * process was faster.
 */
export const FREE_PORT_TRIES = 100;
export const EMBED_START_TRIES = 5;

/** How long an embedded cluster may take until all its nodes see each other, and how often it looks. */
export const EMBED_START_TIMEOUT_MS = 20_000;
export const EMBED_POLL_MS = 10;
