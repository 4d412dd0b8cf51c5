/** Bounds of what a node tells about itself and the cluster, each with its reason. */
import { KIB } from '../../base/bytes.ts';
import { MAX_SIBLINGS } from '../../storage/limits.ts';
import { UNREACHABLE_AFTER_MS } from '../limits.ts';

/**
 * The interval at which a node looks at itself and asks peers for their findings. An operator sees
 * a fault within seconds, and a look costs a fraction of a millisecond.
 */
export const LOOK_MS = 1_000;

/** Peers asked in one look: all of a hundred members are asked within 13 s. */
export const PEERS_PER_LOOK = 8;

/** The timeout of a peer's answer about itself. A slower peer is asked again in its turn. */
export const ASK_TIMEOUT_MS = 1_000;

/**
 * The time for which the findings of a peer count after its answer. It is longer than a turn among
 * a hundred members, and then what has ended is forgotten.
 */
export const FINDINGS_KEPT_MS = 20_000;

/** Texts in one reason. Further ones are counted: a cluster that is down as a whole has many. */
export const MAX_DETAILS = 4;

/** UTF-16 units of one detail in a reason, and findings in the answer of a peer. */
export const MAX_DETAIL_CHARS = 300;
export const MAX_FINDINGS = 256;

/**
 * The siblings of a key from which on it is told. The other half leaves time to find the writers
 * before their writes are refused.
 */
export const MANY_SIBLINGS = MAX_SIBLINGS / 2;

/** The share of a disk, and the bytes on it, below which it counts as nearly full. */
export const LOW_DISK_SHARE = 0.1;
export const LOW_DISK_BYTES = 1024 * 1024 * KIB;

/** The share of a disk above which the bytes do not matter: small disks are often half empty. */
export const ENOUGH_DISK_SHARE = 0.5;

/** How often the free space is read. A disk fills up in minutes, not in seconds. */
export const DISK_LOOK_MS = 5_000;

/**
 * How long a peer may answer probes, but no pull, before catching up counts as stuck: as long as
 * one may answer no probe. A page takes milliseconds. A disk or a network that takes a thousand
 * times as long is still only slow.
 *
 * All of three nodes tell it within 9 s. A node begins to pull after at most two rounds of sync of
 * at most 1.5 s. After this time it tells the pull in its next look, and others ask it in theirs:
 * 2 × 1.5 s + 4 s + 2 × 1 s.
 */
export const PULL_STUCK_MS = UNREACHABLE_AFTER_MS;

/** How long damage that was mended is still told: an operator looks at alarms within an hour. */
export const DAMAGE_TOLD_MS = 3_600_000;

/** Slow operations that a node keeps for operators. */
export const MAX_SLOW_KEPT = 128;

/**
 * Lines about slow operations in a second. If everything is slow, the log must not be the reason.
 */
export const SLOW_LINES_PER_SECOND = 10;

/**
 * How long the pulses of all nodes are kept: open pages look about once a second, and fifty of them
 * cost as much as two.
 */
export const PULSES_KEPT_MS = 500;

/** Peers in the pulse of a node: the worst ones of a large cluster. */
export const MAX_PULSE_PEERS = 64;

/** Sibling-making writes that a node remembers, of about 200 bytes each. */
export const MAX_SIBLING_WRITES = 1_024;

/** Keys in each list of top keys: as many as an operator looks at. */
export const MAX_TOP_KEYS = 64;

/** UTF-16 units of a key in such a list: as long as any key. */
export const MAX_TOP_KEY_CHARS = 2_048;

/** One operation in this number is counted. The sketch then costs a hundredth of a read. */
export const HOT_SAMPLE = 16;

/** Counters of a sketch: a key with more than 1 in 256 of all operations has one of them. */
export const HOT_COUNTERS = 256;

/** How often counts of operations are halved: a key that was hot is forgotten within minutes. */
export const HALVING_MS = 60_000;
