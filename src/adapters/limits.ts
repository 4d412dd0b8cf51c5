/** Bounds of the adapters, each with its reason. */

/** Keys that an adapter reads or deletes at once: enough to hide the time of one request. */
export const ADAPTER_CONCURRENCY = 16;
