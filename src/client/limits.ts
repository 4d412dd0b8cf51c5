/** Bounds of the client, each with its reason. */
import { KIB, MIB } from '../base/bytes.ts';

/** The default time limit of a call, with all its retries. */
export const CLIENT_DEADLINE_MS = 10_000;

/**
 * The default wait for one node before the next is asked. A healthy cluster answers in
 * milliseconds, and one with a hanging node in a second or two.
 */
export const CLIENT_ATTEMPT_MS = 2_000;

/**
 * The share of an attempt that the node itself may take. Its own error, with `have` and `need`,
 * then arrives before the attempt ends.
 */
export const CLIENT_SERVER_SHARE = 0.9;

/**
 * The factor by which the estimate of a late answer shrinks with each answer in time. So it follows
 * a change within about a hundred answers.
 */
export const CLIENT_LATE_STEP = 1.02;

/**
 * The wait before a late read goes to a second node as well: its bounds, and its first value.
 */
export const CLIENT_MIN_HEDGE_MS = 10;
export const CLIENT_MAX_HEDGE_MS = 250;
export const CLIENT_FIRST_HEDGE_MS = 100;

/**
 * The time for which a call goes on if every node refuses the connection. That is enough for a
 * restart of a process, and a wrong address is told soon.
 */
export const CLIENT_REFUSED_MS = 1_000;

/** The pause before the next round over all nodes, doubled each time, with jitter. */
export const CLIENT_BACKOFF = { firstMs: 25, mostMs: 1_000 } as const;

/** The time for which a failed node is asked last, doubled with each failure in a row. */
export const CLIENT_REST_MS = 250;
export const CLIENT_MAX_REST_MS = 10_000;

/** Keys in a client's session, at some hundred bytes each. The least recently used is forgotten. */
export const MAX_SESSION_KEYS = 10_000;

/** Writes to one key that a session remembers between two reads of it. The oldest is forgotten. */
export const MAX_SESSION_DOTS = 100;

/**
 * Tokens of 404 answers that a session remembers for one key, in characters. Enough for a cluster
 * of a hundred nodes, and well below the limit of headers.
 */
export const MAX_SESSION_GONE_CHARS = 8 * KIB;

/**
 * Rounds of `update` before it gives up. A round is lost if a node refuses the write because of
 * siblings.
 */
export const MAX_UPDATE_ROUNDS = 8;

/**
 * The time for which `update` looks for a node with its own last write, before it continues as a
 * new author.
 */
export const UPDATE_CATCH_UP_MS = 1_000;

/**
 * Bytes of a value after its Content-Encoding is removed: four times the largest value, but no
 * decompression bomb.
 */
export const MAX_DECODED_BYTES = 64 * MIB;

/**
 * Bytes of one answer: the 32 MiB of the largest object, and its headers. Without a bound, the
 * answer of a strange server would fill the memory.
 */
export const MAX_ANSWER_BYTES = 40 * MIB;

/**
 * Parts of one answer. A node takes no write above 100 siblings, but two sides of a cut network may
 * have more together.
 */
export const MAX_ANSWER_PARTS = 1_000;

/** The default wait for one node that has a batch, which takes longer than a single request. */
export const CLIENT_BATCH_ATTEMPT_MS = 5_000;

/**
 * The limits of nodes: of a batch, the keys of a page, the timeout of a request, and the tokens of
 * `X-Mec-Gone`. Here again, because a web page would get all other limits of nodes with them.
 */
export const MAX_BATCH_OPERATIONS = 1_000;
export const MAX_BATCH_BYTES = 8 * MIB;
export const MAX_LIST_KEYS = 1_000;
export const MAX_TIMEOUT_MS = 60_000;
export const MAX_GONE_TOKENS = 4;

/** Updates of one key that wait in one client for earlier ones. */
export const MAX_UPDATES_WAITING = 1_000;

/**
 * The share of its reads that a client may also send to a second node if they are late. It may save
 * up this number of them. Slow nodes must not get twice the load.
 */
export const CLIENT_HEDGE_SHARE = 0.1;
export const CLIENT_HEDGE_BURST = 10;
