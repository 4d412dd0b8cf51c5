/** Bounds of what a node tells about itself and the cluster, each with its reason. */

/** Slow operations that a node keeps for operators. */
export const MAX_SLOW_KEPT = 128;

/**
 * Lines about slow operations in a second. If everything is slow, the log must not be the reason.
 */
export const SLOW_LINES_PER_SECOND = 10;
