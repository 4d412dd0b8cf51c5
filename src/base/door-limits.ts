/**
 * Every bound of the ways in, with its reason: HTTP, the client, the command line, nodes inside of a process. The bounds of the node behind
 * them are in `limits.ts`.
 */
import { KIB, MIB } from './bytes.ts';
import { MAX_OBJECT_BYTES } from './limits.ts';

/** Versions that a reader may say it has seen: all the siblings that a key may have, and some of its own writes. */
export const MAX_SEEN_DOTS = 128;

/** Tokens of what a reader says it has seen gone: one, and those of reads that were under way together. */
export const MAX_GONE_TOKENS = 4;

/** User metadata of one version, names and values together. */
export const MAX_META_BYTES = 8 * KIB;

/** All request headers together: a token, the metadata, and room for the usual. */
export const MAX_HEADER_BYTES = 56 * KIB;

/** Requests in flight per node; more would only wait for each other. The excess gets 503 at once. */
export const MAX_HTTP_IN_FLIGHT = 4096;

/** Open client connections per node; further ones are closed at once. A file descriptor and some KiB each. */
export const MAX_HTTP_CONNECTIONS = 8192;

/** Requests of one connection that wait for their answers; a client that pipelines more gets 503 for the rest. */
export const MAX_HTTP_PIPELINED = 64;

/** Answers held at once per node for clients that read slowly. */
export const MAX_HTTP_ANSWER_BYTES = 256 * MIB;

/** Bodies and answers up to this size are not counted: with all requests in flight they are bounded anyway. */
export const HTTP_SMALL_BYTES = 64 * KIB;

/** Bodies up to this size are copied behind their head, so that both leave in one write. */
export const HTTP_ONE_WRITE_BYTES = 16 * KIB;

/** A larger body must go on arriving: a pause longer than this ends it. */
export const HTTP_BODY_STALL_MS = 5_000;

/** A connection on which nothing moves for so long is cut; longer than any request may take. */
export const HTTP_SOCKET_TIMEOUT_MS = 75_000;

/** Request bodies held at once per node. A body lives in about six copies on its way, so this is a sixth of it. */
export const MAX_HTTP_BODY_BYTES = 64 * MIB;

/** The rest of a refused body up to this size is read and thrown away; above, the connection is cut. */
export const MAX_HTTP_DRAIN_BYTES = 4 * MIB;

/** How long a client may take to send its headers. */
export const HTTP_HEADERS_TIMEOUT_MS = 15_000;

/** How long a client may take to send a whole request. */
export const HTTP_REQUEST_TIMEOUT_MS = 60_000;

/** How long an idle connection is kept. */
export const HTTP_KEEP_ALIVE_MS = 60_000;

/** Longest idempotency key. */
export const MAX_IDEMPOTENCY_KEY_CHARS = 255;

/** Entity tags in one condition. */
export const MAX_CONDITION_TAGS = 100;

/** The longest a client waits for one answer, with all its retries, unless told otherwise. */
export const CLIENT_DEADLINE_MS = 10_000;

/** The longest a client waits for one node before it asks another: a healthy cluster answers in milliseconds, one with a hung node in a second or two. */
export const CLIENT_ATTEMPT_MS = 2_000;

/** Share of an attempt that the node itself may take, so that its own error (with have and need) arrives before the attempt ends. */
export const CLIENT_SERVER_SHARE = 0.9;

/** Bounds of the wait before a read is sent to a second node as well, and what it is before there are samples. */
export const CLIENT_MIN_HEDGE_MS = 10;
export const CLIENT_MAX_HEDGE_MS = 250;
export const CLIENT_FIRST_HEDGE_MS = 100;

/** Pause before a round of all nodes is tried again: doubled each time, with jitter. */
export const CLIENT_BACKOFF = { firstMs: 25, mostMs: 1_000 } as const;

/** How long a node that failed is asked last: doubled with each failure in a row. */
export const CLIENT_REST_MS = 250;
export const CLIENT_MAX_REST_MS = 10_000;

/** Keys of which a client remembers what it has seen; the least recently used is forgotten. Some hundred bytes each. */
export const MAX_SESSION_KEYS = 10_000;

/** Writes to one key remembered between two reads of it; the oldest is forgotten. */
export const MAX_SESSION_DOTS = 100;

/** Tokens of 404s remembered for one key, in characters: that of a cluster of a hundred nodes, well below what headers may take. */
export const MAX_SESSION_GONE_CHARS = 8 * KIB;

/** Rounds of `update` before it gives up: each lost one means that a node refused the write for its siblings. */
export const MAX_UPDATE_ROUNDS = 8;

/** How long `update` looks for a node that knows its own last write to the key before it goes on as a new author. */
export const UPDATE_CATCH_UP_MS = 1_000;

/** Bytes that a value may have when a client has taken its Content-Encoding off: four of the largest values, and no bomb. */
export const MAX_DECODED_BYTES = 64 * MIB;

/** Updates of one key that wait in one client for those before them. */
export const MAX_UPDATES_WAITING = 1_000;

/** Share of its reads that a client sends to a second node because they are late, and how many of them it may save up: slow nodes must not get twice the work. */
export const CLIENT_HEDGE_SHARE = 0.1;
export const CLIENT_HEDGE_BURST = 10;

/** Nodes of `mec dev`, unless told; as many as a key has replicas. */
export const DEV_DEFAULT_NODES = 3;

/** Nodes that a development cluster may ever have had: processes on one machine, each with ports that follow from its number. */
export const MAX_DEV_NODES = 32;

/** How often `mec dev` looks whether a node serves, and how long it waits for an answer: a node that hangs gives none. */
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

/** Places where an embedded node looks for free ports, and times that it starts over because another process was faster. */
export const FREE_PORT_TRIES = 100;
export const EMBED_START_TRIES = 5;

/** How long an embedded cluster may take until all its nodes see each other, and how often it looks. */
export const EMBED_START_TIMEOUT_MS = 20_000;
export const EMBED_POLL_MS = 10;
