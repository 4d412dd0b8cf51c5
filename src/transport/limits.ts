/** Bounds of frames, queues and callers, each with its reason. */
import { KIB, MIB } from '../base/bytes.ts';
import { MAX_MEMBERS } from '../core/limits.ts';

/**
 * Messages that wait for one peer: a second of full load. A peer further behind cannot answer in
 * time.
 */
export const MAX_OUTBOX_MESSAGES = 65_536;

/** Bytes that wait for one peer. */
export const MAX_OUTBOX_BYTES = 64 * MIB;

/**
 * Bytes of all replies of one socket that wait for their callers. If there is no room for a reply,
 * callers that read nothing lose theirs.
 */
export const MAX_REPLY_BYTES = 128 * MIB;

/** The pause before a frame is offered again to a caller that has not read the earlier ones. */
export const SEND_RETRY_MS = 5;

/** Messages are packed into one frame up to this size; a larger message gets a frame of its own. */
export const FRAME_TARGET_BYTES = MIB;

/**
 * Largest frame between peers. Concurrent writes on several nodes can grow an object beyond
 * MAX_OBJECT_BYTES; this limit stops it.
 */
export const MAX_FRAME_BYTES = 128 * MIB;

/**
 * Versions and dots in one message, and ranges in one context: far more than a correct peer sends.
 */
export const MAX_MESSAGE_VERSIONS = 2048;
export const MAX_MESSAGE_DOTS = 8192;
export const MAX_CONTEXT_RANGES = 65_536;

/** A name that nodes draw or hash: of a life, a replica, a ballot, a floor. All are far shorter. */
export const MAX_NAME_CHARS = 256;

/**
 * Marks in the id of a cluster: one of each node that began it. More nodes than that agree on the
 * same ones.
 */
export const MAX_CLUSTER_MARKS = 16;

/** The name of a host (RFC 1035). */
export const MAX_HOST_CHARS = 255;

/** An entity tag: as long as the head of an HTTP request allows. */
export const MAX_TAG_CHARS = 64 * KIB;

/** Entity tags in one condition: more than the head of an HTTP request has room for. */
export const MAX_TAGS = 1024;

/** The name of an owner view, which has the names of two sets of owners. */
export const MAX_VIEW_CHARS = 64 * KIB;

/** The JSON of what a node tells about itself to operators: at most 100 versions of one key. */
export const MAX_INSIGHT_CHARS = 512 * KIB;

/** The text of an error; the sender cuts it here. */
export const MAX_DETAIL_CHARS = 4 * KIB;

/**
 * Items of one page of a snapshot or a pull, and keys of one page of a list: above all page sizes.
 */
export const MAX_PAGE_ITEMS = 65_536;

/** Fields that a newer version may have added to a message; they are ignored. */
export const MAX_LATER_FIELDS = 16;

/** Fences in one reply: above what a partition of a cluster can have. */
export const MAX_MESSAGE_FENCES = 1024;

/**
 * Sockets of ZeroMQ in one process: two for each member of a full list, and as many for its seeds
 * and for other nodes of the process. ZeroMQ has 1023 otherwise.
 */
export const ZEROMQ_SOCKETS = 4 * MAX_MEMBERS;

/** Bytes that ZeroMQ takes at once from a stranger, before the key is proved. */
export const MAX_STRANGER_BYTES = 64 * KIB;

/** Bytes of one part of a frame between nodes with keys. The rest is for the encryption. */
export const MAX_PART_BYTES = MAX_STRANGER_BYTES - KIB;

/** The time in which another node must prove its key. */
export const HANDSHAKE_MS = 5_000;

/** The pauses before a node that has refused this one is dialled again. */
export const MIN_REDIAL_MS = 100;
export const MAX_REDIAL_MS = 5_000;

/** Connections to a port that takes nodes with keys and without: two of each member, and more. */
export const MAX_BOTH_SOCKETS = 8 * MAX_MEMBERS;

/** The time in which one of several keys of a node must make a connection. Good ones need 0.1 s. */
export const TRY_KEY_MS = 1_000;

/** The pause before connections are cut: the answer to the news of a revoked key is still sent. */
export const CUT_DELAY_MS = 200;

/** The pause before a port that was just closed is tried again. */
export const REBIND_MS = 20;

/** The time between two cuts of all connections. Keys that are revoked within it share a cut. */
export const CUT_INTERVAL_MS = 1_000;

/**
 * Frames that ZeroMQ may hold for a peer that does not read, in addition to the outbox of this
 * node.
 */
export const ZEROMQ_LINK_FRAMES = 64;

/** Frames from all callers that ZeroMQ may hold for this node. */
export const ZEROMQ_CALLER_FRAMES = 1024;

/** Frames that ZeroMQ may hold for one caller that does not read, in addition to its outbox. */
export const ZEROMQ_REPLY_FRAMES = 64;

/** Callers remembered per bound socket; each is one connection of a peer, and peers reconnect. */
export const MAX_CALLERS = 4096;

/** The silence after which a caller is forgotten when another one comes: many heartbeats. */
export const CALLER_SILENT_MS = 60_000;

/**
 * The interval at which overdue requests are ended. A deadline may pass unnoticed for this long.
 */
export const RPC_SWEEP_MS = 50;

/** Log lines about garbage from one peer; more garbage is only counted. */
export const GARBAGE_LOG_LINES = 1;
