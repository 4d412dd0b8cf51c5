/** The bounds of a node in a cluster, each with its reason. */
import { KIB, MIB } from '../base/bytes.ts';
import { MAX_MEMBERS, MAX_TIMEOUT_MS } from '../core/limits.ts';

/** Replicas of a partition, unless configured. Three survive one loss with quorums of two. */
export const DEFAULT_N = 3;

/** The timeout of a request, unless the configuration or the request has another one. */
export const DEFAULT_TIMEOUT_MS = 5_000;

/** Requests that take longer are logged, unless configured: a user notices such a pause. */
export const DEFAULT_SLOW_MS = 250;

/** Largest value, unless configured. Larger ones would delay others at the one event loop. */
export const DEFAULT_MAX_VALUE_BYTES = MIB;

/**
 * Actors in the token of an answer. A larger token omits the dead actors, so that no client reaches
 * the limit of actors in a token.
 */
export const MAX_RECEIVED_ACTORS = 50;

/** How long a stopping node waits for requests in flight before it cuts them off. */
export const STOP_GRACE_MS = 5_000;

/** Forwarded writes that a node remembers, so that a duplicate is not carried out again. */
export const MAX_REMEMBERED_WRITES = 65_536;

/**
 * How long one of them may ask to be remembered: the longest timeout, and a second for clocks that
 * do not run at the same rate.
 */
export const FORWARD_MEMORY_MS = MAX_TIMEOUT_MS + 1_000;

/**
 * The pause of a stopping node before it closes its connections. In it, late writes are refused,
 * and the last answers reach the peers.
 */
export const STOP_FLUSH_MS = 250;

/** Probe interval between peers. */
export const HEARTBEAT_MS = 250;

/** Peers that a node probes at each heartbeat. In a cluster of up to four nodes, these are all. */
export const PROBES_PER_BEAT = 3;

/**
 * Peers that owe an answer, and are probed in addition to those. If more peers owe one, this node
 * itself is probably cut off.
 */
export const MAX_SUSPICIONS = 8;

/** How long a peer may owe an answer to a probe before other peers are asked to probe it. */
export const PROBE_FOR_AFTER_MS = 500;

/** The number of other peers that are asked to probe it. */
export const PROBE_FOR_PEERS = 2;

/** Records and suspicions in one probe. */
export const GOSSIP_RECORDS = 16;

/** A node tells each news this many times the logarithm of the number of members. */
export const GOSSIP_REPEATS = 3;

/** Shortest time between two exchanges of whole member lists, and the longest. */
export const EXCHANGE_GAP_MS = 500;
export const EXCHANGE_INTERVAL_MS = 15_000;

/** The pause before a configured address is tried again, as long as no known member has it. */
export const SEED_INTERVAL_MS = 500;

/**
 * Addresses at which a node looks for others: those of its configuration, and those that merges
 * add. A full member list has as many.
 */
export const MAX_SEEDS = MAX_MEMBERS;

/**
 * The pause between two probes of an address at which a node of another cluster answers. The right
 * node, when it is back, sends probes itself.
 */
export const STRANGER_PROBE_MS = 30_000;

/**
 * How long a newborn node waits for the others that its configuration names before it starts a
 * cluster without them.
 */
export const BEGIN_WAIT_MS = 10_000;

/**
 * Members that must know that a node is gone before it ends, or half of all if that is less. A
 * single one may fail before it has told the others.
 */
export const FAREWELL_MEMBERS = 3;

/** A node that waits this long for the same members, to join or to leave, logs that. */
export const WAIT_LOG_MS = 5_000;

/** How long a node that is gone waits for `FAREWELL_MEMBERS`. After that, one member is enough. */
export const FAREWELL_MS = 10_000;

/**
 * How long a joining node may be refused before it gives up. By then, peers no longer take an
 * earlier process of its name for alive.
 */
export const REFUSED_MS = 10_000;

/**
 * Wall clocks that differ by more are reported, and the wrong one is not used. The error that NTP
 * leaves is much smaller.
 */
export const CLOCK_TOLERANCE_MS = 1_000;

/** A slower answer to a probe sets no clock, since its error may be half of this time. */
export const CLOCK_SAMPLE_RTT_MS = 500;

/**
 * How long a reading of a peer's wall clock is used. Two crystals drift apart by less than 0.4 s in
 * this time.
 */
export const CLOCK_SAMPLE_MS = 3_600_000;

/**
 * A peer that has been silent for this long is suspect: several probes were lost, or its process
 * hangs. It is asked only if it is needed.
 */
export const SUSPECT_AFTER_MS = 1_500;

/** A peer that has been silent for this long is unreachable. Even a busy machine answers faster. */
export const UNREACHABLE_AFTER_MS = 4_000;

/** Shortest wait before a read asks one more replica: below it, noise would double the reads. */
export const MIN_HEDGE_MS = 4;

/** Longest wait before a read asks one more replica. */
export const MAX_HEDGE_MS = 100;

/** The share of a forwarded write's timeout in which an owner must answer a probe. */
export const FORWARD_PROBE_SHARE = 0.5;

/**
 * The share of a write's timeout in which holders must answer if they know the dots of its token:
 * first the owners, then the fallbacks. Half of the time is left for the write.
 */
export const UNSEEN_DOTS_SHARE = 0.25;

/** Marked keys that a node asks for at the same time. Each takes a request to every member. */
export const MAX_MENDED_KEYS = 8;

/** Warnings about other nodes that a node remembers, so that each is logged once. */
export const MAX_WARNINGS = 1000;

/** The timeout of the holders' answers when an operator locates a key. */
export const LOCATE_TIMEOUT_MS = 1_000;

/** How often residues are searched for dots that the clock has come to cover. */
export const RESIDUE_SWEEP_MS = 1_000;

/**
 * Bytes of values that a node reads for one page of a listing. It reads the versions of a key to
 * learn whether the key has a value.
 */
export const LIST_PAGE_BYTES = 4 * MIB;

/** Keys of a listing that a node reads before it serves other requests. */
export const LIST_SLICE_KEYS = 64;

/** Keys of each partition beyond twice its share of a page: partitions are not equally full. */
export const LIST_SPARE_KEYS = 8;

/** Concurrent reads, per listing, of keys on which replicas do not agree. */
export const LIST_CONCURRENT_READS = 16;

/** Concurrent listings of a node: each holds a page of keys of every replica. Others get a 503. */
export const MAX_LISTINGS = 32;

/** The share of its timeout that a listing gives a peer, so that it can still ask another one. */
export const LIST_PEER_SHARE = 0.4;

/**
 * Keys with expired versions that a sweep of a partition removes. A sweep runs about every second.
 */
export const EXPIRY_PAGE_KEYS = 500;

/** How long each further owner of a key waits before it removes expired versions itself. */
export const EXPIRY_TURN_MS = 5_000;

/** Keys whose hidden versions a node removes at the same time because a read has found them. */
export const MAX_TRIMS = 64;

/**
 * Peers that a node compares itself with in one round while its replicas catch up, or while it is
 * gone and hands them over.
 */
export const PENDING_COMPARES = 5;

/** Concurrent questions to all members. Each holds a clock of every member. */
export const MAX_QUESTIONS = 4;

/**
 * Floors that a node keeps of each partition. A message on an older floor may be on its way when
 * the newest arrives. Nodes that are further apart exchange whole contexts.
 */
export const FLOORS_KEPT = 3;

/**
 * How long a replica waits for the nodes whose writes a peer names or closes. One of them may have
 * a disk that hangs, and must not delay the snapshot of each partition by a whole timeout.
 */
export const CLAIM_WAIT_MS = 1_000;

/** Partitions in one question. Their clocks must fit in one message. */
export const MAX_STATEMENTS = 64;

/** How often a peer that is back is asked for its closed dots, if its answers do not count. */
export const CLOSED_TRIES = 10;

/** Failed questions in a row that are soon asked again. Further ones wait for the round of sync. */
export const MAX_DOUBTFUL_ANSWERS = 10;

/**
 * Snapshots of one replica that a node serves to one peer: one, and one that the peer has given up.
 */
export const MAX_PEER_CONVERSATIONS = 2;

/** Concurrent snapshots that a node serves. Each keeps old rows on disk that have changed since. */
export const MAX_CONVERSATIONS = 16;

/**
 * Bounds of a replica's log and of catching up. The simulator gives its nodes lower ones, so that a
 * short run reaches them.
 */
export const SYNC_LIMITS = {
  /**
   * Log entries kept per partition. Beyond it the older half is cut, and a replica that lacks them
   * gets a snapshot.
   */
  maxLogEntries: 4096,
  /** The fewest log entries that are worth a cut in a busy replica. At rest, one is enough. */
  logCutEntries: 256,
  /**
   * Bytes that a pending owner receives per second: a small part of the speed of a network or a
   * disk, because the senders serve clients at the same time.
   */
  pendingBytesPerSecond: 16 * MIB,
  /** The average pause between two comparisons of clocks with a peer. */
  intervalMs: 1_000,
  /**
   * The pause before a comparison with a peer that has not acknowledged a write. The write may
   * still arrive in this time.
   */
  resyncMs: 200,
  /** The shortest pause between pulls for a busy replica, since a replica in use always differs. */
  busyMs: 15_000,
  /** The time without a change after which a replica is at rest. */
  restMs: 500,
  /**
   * How long dots must have been missing before they may be closed: longer than any write waits for
   * its stores. By then each write under such a dot has its answer, so no late store can add to its
   * quorum. An open gap costs one range in a clock. The rest is for a coordinator that is late with
   * the end of a write.
   */
  lostAfterMs: MAX_TIMEOUT_MS + 15_000,
  /**
   * Partitions that a node catches up at the same time. With any number it is faster than the
   * writes of clients, but with a larger one clients wait longer.
   */
  concurrency: 2,
  /** Dots or objects, and bytes, on one page of sync. Clients wait while it is made and merged. */
  pageDots: 64,
  pageBytes: 512 * KIB,
  /** Pages that are pulled for one partition before another partition has its turn. */
  maxPages: 64,
  /**
   * After a start, a replica that was complete waits at most this long to be compared with the
   * other owners. Then it counts for reads again.
   */
  confirmMs: 2_000,
  /** The same for owners that no probe has reached. The first probes are answered by then. */
  confirmReachableMs: 500,
  /** The pause before a question without an answer of all members is asked again. */
  askAgainMs: 100,
  /** How long a snapshot is kept for a receiver that asks for no further page. */
  conversationMs: 30_000,
  /** Keys that a snapshot may remove without a second owner: a number, or a share of all keys. */
  removedKeys: 64,
  removedShare: 0.05,
  /** How long a pull may wait or run before the log shows the reason. */
  stuckMs: 60_000,
  /** The timeout of a page of sync. */
  timeoutMs: 10_000,
  /** The average pause between two pages of scrub, and the rows on a page. */
  scrubMs: 1_000,
  scrubRows: 1_000,
  /** Rounds in which a snapshot tries to catch up with keys that clients write at the same time. */
  snapshotRounds: 16,
};

/** The type of `SYNC_LIMITS`. */
export type SyncLimits = Readonly<typeof SYNC_LIMITS>;

/**
 * How long an owner keeps a key for a conditional write if neither a store nor a release arrives:
 * long enough for the store, and short enough for other writes to wait. This time only frees the
 * key. Whether a store counts depends on its number.
 */
export const GRANT_MS = 2_000;

/**
 * How long a coordinator that let a grant of a key expire yields to others that ask for the key. It
 * is longer than a grant, so that on average more than half of the owners are free for them.
 */
export const LAPSE_MS = 2 * GRANT_MS;

/** Keys of which an owner remembers that a grant has expired. */
export const MAX_LAPSES = 1_024;

/**
 * Lives of members that a node remembers as ended. They serve to refuse the last messages of these
 * lives, and there are not nearly as many starts before the last message has arrived.
 */
export const MAX_ENDED_LIVES = 1_024;

/** Keys that a node has granted to conditional writes at the same time. */
export const MAX_GRANTS = 65_536;

/** Members with a fence in one partition of a node. Beyond it, no further replica can be filled. */
export const MAX_FENCES = 256;

/** How long a fence is named to writers. No write that began before it waits longer. */
export const FENCE_MS = 2 * MAX_TIMEOUT_MS;

/**
 * How long the first ballot of a conditional write waits for answers: much longer than a round trip
 * between most nodes. A ballot that waits for a dead owner keeps the key from rivals.
 */
export const BALLOT_MS = 100;

/**
 * The longest pause before a conditional write asks for its key again, unless its ballot was
 * longer. It waits a random part of this, so that two writes do not collide again.
 */
export const GRANT_RETRY_MS = 40;

/**
 * The pause in ms after which a request looks again whether an owner, whose answer is needed only
 * because the owners change, has become unreachable. Probes find that out no sooner.
 */
export const OWNER_CHANGE_RETRY_MS = 100;

/** Tokens for joining that a node has made. Each keeps the key of the authority in memory. */
export const MAX_JOIN_TOKENS = 64;

/** The pause before a change of a node's key, which waits for members, is tried again. */
export const ROTATION_RETRY_MS = 1_000;

/**
 * How long the answer to a change of a node's key waits for members. After the change of another
 * node, its connections are back within a second or two.
 */
export const ROTATION_WAIT_MS = 5_000;

/** How long a node waits until a member has records of the ledger on its disk. */
export const LEDGER_TIMEOUT_MS = 2_000;

/**
 * The time without contact to a majority after which a node no longer relies on its ledger. Until
 * then a revocation may be unknown to a node that is cut off.
 */
export const DEFAULT_SECURITY_MAX_AGE_MS = 3_600_000;

/**
 * How often nodes tell each other the bytes of tenants. A tenant may exceed its quota by what it
 * writes in this time.
 */
export const QUOTA_ROUND_MS = 5_000;

/** Requests that one identity may send to a node in a second: about what a node can serve. */
export const DEFAULT_IDENTITY_RATE = 10_000;
