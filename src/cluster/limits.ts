/** Bounds of a node among others, each with its reason. */
import { KIB, MIB } from '../base/bytes.ts';
import { MAX_TIMEOUT_MS } from '../core/limits.ts';

/** Replicas of a partition, unless configured. Three survive one loss with quorums of two. */
export const DEFAULT_N = 3;

/** The longest a request may wait for its quorum, unless configured or asked for otherwise. */
export const DEFAULT_TIMEOUT_MS = 5_000;

/** Largest value, unless configured: what fits comfortably through one event loop and one LevelDB row. */
export const DEFAULT_MAX_VALUE_BYTES = MIB;

/** Longest key: long enough for any path, short enough that thousands fit in a log page. */
export const MAX_KEY_BYTES = 1024;

/**
 * Actors in the token of an answer. Of more than these the dead ones are left out, so that no
 * client reaches the limit of actors in a token.
 */
export const MAX_BROUGHT_ACTORS = 50;

/** How long a stopping node waits for requests in flight before it cuts them off. */
export const STOP_GRACE_MS = 5_000;

/** Forwarded writes that are remembered, so that one that comes twice is carried out once. */
export const MAX_TAKEN_IDS = 65_536;

/**
 * Pause of a stopping node: writes that are on their way to it are refused meanwhile, and its last
 * answers reach their peers.
 */
export const STOP_FLUSH_MS = 250;

/** Probe interval between peers. */
export const HEARTBEAT_MS = 250;

/** Peers that a node probes at once: with up to four nodes all of them, and in a large cluster no more. */
export const PROBES_PER_BEAT = 3;

/**
 * Peers that owe an answer and are probed in addition to those. If more owe one, this node itself
 * is cut off.
 */
export const MAX_SUSPICIONS = 8;

/** How long an answer to a probe may be owed before others are asked to try. */
export const PROBE_FOR_AFTER_MS = 500;

/** The number of others that are asked to try. */
export const PROBE_FOR_PEERS = 2;

/** Records and suspicions that ride on one probe. */
export const GOSSIP_RECORDS = 16;

/** News is told this many times the logarithm of the number of members. */
export const GOSSIP_TELLINGS = 3;

/** Shortest time between two exchanges of whole member lists, and the longest. */
export const EXCHANGE_GAP_MS = 500;
export const EXCHANGE_INTERVAL_MS = 15_000;

/** How often an address at which no member is known is tried. */
export const SEED_INTERVAL_MS = 500;

/**
 * How long a newborn node waits for the others that its configuration names before it starts a
 * cluster without them.
 */
export const BIRTH_WAIT_MS = 10_000;

/**
 * Members that must know that a node is gone before it ends, or half of all if that is less. A
 * single one may fail before it has told the others.
 */
export const FAREWELL_MEMBERS = 3;

/** How long a node that is gone waits for that; then one is enough. */
export const FAREWELL_MS = 10_000;

/**
 * How long a joining node may be refused before it gives up: an earlier process of its name has
 * vanished from view by then.
 */
export const REFUSED_MS = 10_000;

/**
 * Wall clocks that differ by more are reported, and the wrong one is not used: well above the error
 * that NTP leaves.
 */
export const CLOCK_TOLERANCE_MS = 1_000;

/** An answer to a probe that took longer does not say what time it is: at most half of it may be its error. */
export const CLOCK_SAMPLE_RTT_MS = 500;

/**
 * The time for which a reading of a peer's wall clock is used: two crystals drift apart by less
 * than 0.4 s in it.
 */
export const CLOCK_SAMPLE_MS = 3_600_000;

/**
 * A peer not heard of for this long is suspect: several probes lost, or a process that hangs. It is
 * asked only in need.
 */
export const SUSPECT_AFTER_MS = 1_500;

/** A peer not heard of for this long is unreachable: even a machine at its limit answers a probe in this time. */
export const UNREACHABLE_AFTER_MS = 4_000;

/** Shortest wait before a read asks one more replica: below it, noise would double the reads. */
export const MIN_HEDGE_MS = 4;

/** Longest wait before a read asks one more replica. */
export const MAX_HEDGE_MS = 100;

/** Share of a forwarded write's time in which an owner must have said that it is there. */
export const FORWARD_PROBE_SHARE = 0.5;

/** Marked keys that are asked for at once: each takes a request to every member. */
export const MARKS_AT_ONCE = 8;

/** Different warnings about nodes that do not belong here, each of which is logged once. */
export const MAX_WARNINGS = 1000;

/** How long the holders of a key have to say what they have of it, when an operator asks. */
export const LOCATE_TIMEOUT_MS = 1_000;

/** How often residues are looked through for what the clock has come to cover. */
export const RESIDUE_SWEEP_MS = 1_000;

/**
 * Values that a replica goes through for one page of a listing: to know whether a key lives, its
 * versions are looked at.
 */
export const LIST_PAGE_BYTES = 4 * MIB;

/** Keys looked at before others have their turn. */
export const LIST_SLICE_KEYS = 64;

/** Keys taken from each partition on top of twice its share: partitions are not equally full. */
export const LIST_SPARE_KEYS = 8;

/** Reads at once of keys on which replicas do not agree, per listing. */
export const LIST_CONCURRENT_READS = 16;

/** Listings at once per node: each holds a page of keys of every replica. The excess gets 503 at once. */
export const MAX_LISTINGS = 32;

/** The part of its time that a listing gives one peer to answer; there must be some left to ask another. */
export const LIST_PEER_SHARE = 0.4;

/** Keys with expired versions that are taken away per partition and round, of which there is one about every second. */
export const EXPIRY_PAGE_KEYS = 500;

/** How long the next owner of a key waits before it takes away what the one before it should have. */
export const EXPIRY_TURN_MS = 5_000;

/**
 * The longest time to live, in seconds: ten years. A version that must live longer needs no time to
 * live.
 */
export const MAX_TTL_SECONDS = 315_360_000;

/** Keys whose hidden versions are taken away at once because somebody has read them. */
export const MAX_TRIMS = 64;

/**
 * Peers that a node compares itself with in a round while it catches up with what it will own, or
 * is gone and hands over.
 */
export const PENDING_COMPARES = 5;

/** Questions to all members at once: each holds a clock of every member. */
export const MAX_QUESTIONS = 4;

/**
 * Floors that a node knows of each partition. A message on the second newest may be on its way when
 * the newest arrives. A node further behind sends whole contexts.
 */
export const FLOORS_KEPT = 3;

/** Partitions in one question: their clocks have to fit in one message. */
export const MAX_STATEMENTS = 64;

/** Questions in a row without a whole answer that are soon asked again; after that, once a round of sync. */
export const MAX_DOUBTFUL_ANSWERS = 10;

/** Snapshots that a node serves at once: each holds back the space of what has changed since. */
export const MAX_CONVERSATIONS = 16;

/**
 * Bounds of a replica's log and of catching up; a simulation gives its nodes lower ones, so that a
 * short run reaches them.
 */
export const SYNC_LIMITS = {
  /**
   * Log entries kept per partition. Beyond it the older half is cut, and a replica that lacks them
   * gets a snapshot.
   */
  maxLogEntries: 4096,
  /** Log entries of a busy replica that are worth a cut; at rest, any are. */
  logCutEntries: 256,
  /**
   * Bytes that a pending owner takes in per second: a small part of the speed of a network or a
   * disk, since others serve meanwhile.
   */
  pendingBytesPerSecond: 16 * MIB,
  /** How often a node compares what it has seen with a peer, on the average. */
  intervalMs: 1_000,
  /**
   * Pause before a comparison with a peer that has missed a write: long enough for the write to
   * have arrived after all.
   */
  resyncMs: 200,
  /** A replica that is being written to always differs a little; while it is, it is pulled for only so often. */
  busyMs: 15_000,
  /** The time without a change after which a replica is at rest. */
  restMs: 500,
  /**
   * How long dots of a dead actor must have been missing before they count as lost: longer than any
   * message is late.
   */
  lostAfterMs: 15_000,
  /**
   * Partitions that a node catches up with at once. It catches up faster than clients write with
   * any number; with more, they wait longer.
   */
  concurrency: 2,
  /** Dots, objects and bytes on one page of a sync: clients wait while one is made, and while it is merged. */
  pageDots: 64,
  pageBytes: 512 * KIB,
  /** Pages pulled for one partition before the others get their turn. */
  maxPages: 64,
  /**
   * How long a replica that was complete waits, after a start, to be compared with the others
   * before it counts for reads.
   */
  confirmMs: 2_000,
  /** The same for owners that no probe has reached: first probes are answered by then. */
  confirmReachableMs: 500,
  /** Pause before a question that was not answered by all is asked again. */
  askAgainMs: 100,
  /** How long a snapshot is kept for a receiver that asks for no more of it. */
  conversationMs: 30_000,
  /** Keys, and the share of all, that a snapshot may remove on the word of its sender alone. */
  removedKeys: 64,
  removedShare: 0.05,
  /** How long catching up may wait or take before the log says what it waits for. */
  stuckMs: 60_000,
  /** How long a page may take to come. */
  timeoutMs: 10_000,
  /** How often a page of rows is compared with another owner's, on the average; and its rows, at most. */
  scrubMs: 1_000,
  scrubRows: 1_000,
  /** Rounds in which a snapshot tries to catch up with keys that are being written to. */
  snapshotRounds: 16,
};

/** Bounds of the kind of `SYNC_LIMITS`. */
export type SyncLimits = Readonly<typeof SYNC_LIMITS>;

/**
 * How long an owner keeps a key for a conditional write of which it hears nothing more: long enough
 * to be stored, short enough to wait. It only frees the key for the next: whether a store counts is
 * decided by numbers.
 */
export const GRANT_MS = 2_000;

/** Keys granted to conditional writes at once per node. */
export const MAX_GRANTS = 65_536;

/** Members for which a node names fences in one partition: past it no other is filled for as long as they are named. */
export const MAX_FENCES = 256;

/** How long a fence is named to writers: no write that began before it waits for longer. */
export const FENCE_MS = 2 * MAX_TIMEOUT_MS;

/**
 * The longest that a conditional write waits before it tries again to get its key grants; it waits
 * a random part of this.
 */
export const GRANT_RETRY_MS = 40;
