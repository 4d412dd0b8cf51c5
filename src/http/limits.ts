/** Bounds of the HTTP server, each with its reason. */
import { KIB, MIB } from '../base/bytes.ts';

/** Dots in `X-Mec-Seen`: all siblings that a key may have, and some of the reader's own writes. */
export const MAX_SEEN_DOTS = 128;

/**
 * The headers with metadata of one version, as they travel: `X-Mec-Meta-Name: value` and a line
 * end. With all others, the headers of an answer stay below the 16 KiB that many clients accept.
 */
export const MAX_META_BYTES = 8 * KIB;

/** Any other header that is stored with a version. Real ones have less than a tenth of it. */
export const MAX_STORED_HEADER_BYTES = KIB;

/** The longest `X-Mec-Client-ID`. */
export const MAX_CLIENT_ID_BYTES = 255;

/** All request headers together: a token, the metadata, and room for the usual ones. */
export const MAX_HEADER_BYTES = 56 * KIB;

/**
 * Requests in progress per node. More would only wait for each other, so the excess gets 503 at
 * once.
 */
export const MAX_HTTP_IN_FLIGHT = 4096;

/**
 * Open client connections per node, at a file descriptor and some KiB each. More are closed at
 * once.
 */
export const MAX_HTTP_CONNECTIONS = 8192;

/**
 * The part of a node's connections, places for requests, and memory for bodies and answers that one
 * address may have. Four of them can still take all.
 */
export const SHARE_OF_ADDRESS = 1 / 4;

/** Unanswered requests of one connection. If a client pipelines more, these get 503. */
export const MAX_HTTP_PIPELINED = 64;

/** Answers in memory per node for clients that read slowly. */
export const MAX_HTTP_ANSWER_BYTES = 256 * MIB;

/**
 * Bodies and answers up to this size are not counted. The limit of requests in progress bounds them
 * anyway.
 */
export const HTTP_SMALL_BYTES = 64 * KIB;

/** Bodies up to this size are copied after their head, so that both leave in one write. */
export const HTTP_ONE_WRITE_BYTES = 16 * KIB;

/**
 * The least rate of a larger body, and the time over which it is measured. After a slower one the
 * request fails. Otherwise a few clients could fill the memory for bodies, and keep it.
 */
export const HTTP_BODY_BYTES_PER_SECOND = 8 * KIB;
export const HTTP_BODY_PERIOD_MS = 5_000;

/** The time after which a silent connection is closed. Longer than any request may take. */
export const HTTP_SOCKET_TIMEOUT_MS = 75_000;

/**
 * Request bodies in memory per node. A body exists in about six copies on its way, so this is a
 * sixth of that memory.
 */
export const MAX_HTTP_BODY_BYTES = 64 * MIB;

/**
 * The rest of a refused body is read and discarded up to this size. If it is larger, the connection
 * is closed.
 */
export const MAX_HTTP_DRAIN_BYTES = 4 * MIB;

/** The time that a client may take to send its headers. */
export const HTTP_HEADERS_TIMEOUT_MS = 15_000;

/** The time that a client may take to send a whole request. */
export const HTTP_REQUEST_TIMEOUT_MS = 60_000;

/** The time that an idle connection is kept. */
export const HTTP_KEEP_ALIVE_MS = 60_000;

/** Entity tags in one condition. */
export const MAX_CONDITION_TAGS = 100;

/** Peers with metrics of their own. In a larger cluster, only the worst have them, and a sum. */
export const MAX_PEERS_SHOWN = 64;

/** The number of those worst peers. An operator can look at each of them. */
export const MAX_WORST_PEERS = 8;

/** Operations and bytes of one batch. A larger one would keep a node from its other requests. */
export const MAX_BATCH_OPERATIONS = 1_000;
export const MAX_BATCH_BYTES = 8 * MIB;

/** The answers of one batch. When they have more bytes, its other reads are refused. */
export const MAX_BATCH_ANSWER_BYTES = 16 * MIB;

/** Operations of one batch at a time. More would only wait for each other. */
export const BATCH_CONCURRENCY = 128;

/** Batches in progress per node, so that their operations are as many as other requests at most. */
export const MAX_BATCHES = MAX_HTTP_IN_FLIGHT / BATCH_CONCURRENCY;

/** The largest number of replicas that a configuration may have. */
export const MAX_REPLICAS = 9;

/** The part of the places for requests that one identity may have. Four of them can take all. */
export const SHARE_OF_IDENTITY = 1 / 4;

/** Identities whose requests are counted. Those without a request for a second are forgotten. */
export const MAX_RATED_IDENTITIES = 4096;

/** The life of a token for joining. A node starts soon after an operator has made it. */
export const DEFAULT_JOIN_MINUTES = 60;
export const MAX_JOIN_MINUTES = 1_440;

/** The largest change of an operator: the rights of one identity on one prefix. */
export const MAX_CHANGE_BYTES = 64 * KIB;

/** Lines of the audit about the refusals of one address in a second; the others are counted. */
export const AUDIT_LINES_PER_SECOND = 100;

/** Addresses whose refusals are counted one by one. All others share a count. */
export const MAX_AUDIT_ADDRESSES = 1024;

/** The time for which keys of an issuer count before they are read again. */
export const JWKS_FRESH_MS = 300_000;

/** The time for which keys count that cannot be read again. */
export const JWKS_KEEP_MS = 3_600_000;

/** The shortest time between two reads: tokens with unknown keys must not flood the issuer. */
export const JWKS_PAUSE_MS = 30_000;

/** The longest time for which the check of a token counts. */
export const JWT_KEEP_MS = 60_000;

/** Checks that are kept: a few hundred bytes each. The oldest leave first. */
export const MAX_KEPT_JWTS = 4096;

/** Checks at once. Each takes a part of a millisecond, or waits for the keys. */
export const MAX_JWT_CHECKS = 256;

/** Seconds by which the clock of an issuer may differ from that of the cluster. */
export const JWT_TOLERANCE_S = 10;

/** The age at which a signature no longer counts, seconds. */
export const SIGNATURE_AGE_S = 300;

/**
 * The lead that the clock of a signer may have, seconds. After a restart, a node does not know
 * which requests of these seconds it has served.
 */
export const SIGNATURE_LEAD_S = 10;

/** The time for which a nonce is remembered: twice that for which a signature counts. */
export const NONCE_MS = 2_000 * SIGNATURE_AGE_S;

/** Nonces of one period: about 35 bytes each, and two periods are kept. */
export const MAX_NONCES = 1_048_576;

/** The part of them that one key may use. */
export const SHARE_OF_SIGNER = 1 / 4;

/** The time for a TLS handshake. A client that needs longer holds a connection for nothing. */
export const TLS_HANDSHAKE_MS = 5_000;
