/** Bounds of the page, each with its reason. */

/** The interval between two questions about the cluster: a change is seen when it happens. */
export const POLL_MS = 1_000;

/** The window of rates and times: short enough to see a change, long enough for a p99. */
export const WINDOW_MS = 5_000;

/** The time that the charts show. A page that stays open must not grow. */
export const HISTORY_MS = 600_000;

/** The longest wait for an answer. The node itself gives up earlier. */
export const ANSWER_TIMEOUT_MS = 15_000;

/** The largest answer that the page reads: a browser shows no more text without effort. */
export const MAX_READ_BYTES = 4_000_000;

/** The most values in an answer. A key has fewer. */
export const MAX_PARTS = 200;

/** Outcomes of commands that are shown. */
export const MAX_SAID = 6;

/** Keys on one page: as many as one looks through. */
export const PAGE_KEYS = 100;

/** The values that are drawn at once. A screen has no room for more. */
export const MAX_DRAWN_VALUES = 12;

/** The part of a value that is drawn: a browser is slow with more. */
export const MAX_DRAWN_CHARS = 20_000;
export const MAX_DRAWN_BYTES = 512;

/** Pairs of siblings with a reason that are drawn. Fifty siblings have more than a thousand. */
export const MAX_DRAWN_PAIRS = 12;

/** Above this many nodes a picture of all links is a blot. The tables have the same facts. */
export const MAX_DRAWN_NODES = 16;

/** Above this many nodes the labels of links would cover each other. */
export const MAX_LABELLED_NODES = 4;

/** Above this many pairs of lines, only equal lines at the start and the end count as common. */
export const MAX_LINE_PAIRS = 1_000_000;
