/** Bounds of the adapters, each with its reason. */

/** Keys that an adapter reads or deletes at once: enough to hide the time of one request. */
export const ADAPTER_CONCURRENCY = 16;

/** The lifetime of a session whose cookie has no end of its own: a day, as other stores have it. */
export const DEFAULT_SESSION_SECONDS = 86_400;
