/** Bounds of the HTTP server, each with its reason. */
import { KIB, MIB } from '../base/bytes.ts';

/** Versions that a reader may say it has seen: all the siblings that a key may have, and some of its own writes. */
export const MAX_SEEN_DOTS = 128;

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
