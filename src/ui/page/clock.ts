/** The clocks and timers of the page. No other file of the page uses them. */

/** The time since the page was opened, in ms. */
export const nowMs = (): number => performance.now();

/** The wall time, in ms since 1970. */
export const wallMs = (): number => Date.now();

/** The wall time of an ISO 8601 text, in ms since 1970; NaN if it is none. */
export const isoToMs = (text: string): number => Date.parse(text);

/** Resolves after a time. */
export const sleep = (ms: number): Promise<void> =>
  new Promise((resolve) => setTimeout(resolve, ms));
