/** The status of a node in `/status`, for people and monitoring. Every part may get new fields. */
import type { Reach } from '../core/placement/detector.ts';
import type { MemberRecord, MemberState, PlacementFields } from '../core/placement/member-list.ts';
import type { StoreStatus } from '../storage/store-status.ts';
import type { Config, SecurityMode } from './config.ts';
import type { Share } from './membership/ownership.ts';
import type { HandoffProgress } from './membership/lifecycle.ts';
import type { Wait } from './membership/wait.ts';
import type { Throttle } from './sync/throttle.ts';
import type { AgedJob } from './sync/pull-queue.ts';

/** A part of the status of a node. */
export type { StoreStatus };

/** The status of a node. A value that is not known now is undefined, and absent in JSON. */
export interface NodeStatus {
  readonly name: string;
  readonly zone?: string | undefined;
  readonly weight: number;
  /**
   * The weight and zone in the configuration, if this member has others. They count when the node
   * has left and joined again.
   */
  readonly configured?: PlacementFields | undefined;
  readonly state: MemberState;
  /**
   * The random id of the cluster, and its name in the configuration. The id is undefined as long as
   * this node belongs to no cluster.
   */
  readonly cluster: { readonly id?: string | undefined; readonly name?: string | undefined };
  /** Whether clients may send requests to this node. */
  readonly isReady: boolean;
  /** How the node protects its ports. */
  readonly security: SecurityMode;
  /**
   * The number of keys for tokens, and whether tokens are signed. They are when all members have
   * one of the keys.
   */
  readonly tokens: { readonly keys: number; readonly isSigned: boolean };
  readonly uptimeMs?: number | undefined;
  /** The configured numbers, and the present number of replicas of a key. */
  readonly quorum: Config['quorum'] & { readonly replicas: number };
  readonly partitions: Share & { readonly all: number };
  /**
   * The progress of a node that joins, or of one that is gone and hands over. `waitsFor` has the
   * members that a node waits for before it is up, or gone.
   */
  readonly handoff: HandoffProgress &
    ReturnType<Throttle['status']> & { readonly waitsFor?: Wait | undefined };
  readonly members: readonly MemberStatus[];
  readonly peers: readonly PeerStatus[];
  readonly store: StoreStatus;
  readonly sync: SyncStatus;
  readonly scrub: Readonly<Record<'pages' | 'differences' | 'restored', number>>;
  /** The two sockets for peers. */
  readonly incoming: Readonly<Record<'membership' | 'data', SocketStatus>>;
}

/** A member, as this node knows it. */
export type MemberStatus = MemberRecord & Share;

/** A peer, as this node reaches it. */
export interface PeerStatus {
  readonly node: string;
  readonly reach: Reach;
  /** The reason why the peer refuses this node; undefined if it does not. */
  readonly refusal?: string | undefined;
  /** The time since its last answer, in ms. */
  readonly silentMs?: number | undefined;
  /**
   * The lead of its wall clock over the clock of this node, in ms; undefined if there was no answer
   * lately.
   */
  readonly clockSkewMs?: number | undefined;
  readonly latencyMs: number;
  /** The two connections to the peer. */
  readonly data: LinkStatus;
  readonly probes: LinkStatus;
}

/**
 * A connection to a peer: requests without an answer, requests that were not sent yet, and counts
 * of failures.
 */
export type LinkStatus = Readonly<
  Record<'pending' | 'queued' | 'queuedBytes' | 'late' | 'refused' | 'garbage' | 'version', number>
>;

/**
 * A socket for peers: its callers, answers that were not sent yet, and counts of lost and
 * unreadable messages.
 */
export type SocketStatus = Readonly<
  Record<'callers' | 'queued' | 'queuedBytes' | 'dropped' | 'garbage', number>
>;

/** The progress of sync: partitions that catch up now, and counts of finished pulls. */
export type SyncStatus = Readonly<
  Record<
    'incomplete' | 'fallbacks' | 'waiting' | 'running' | 'pulls' | 'failures' | 'dropped',
    number
  >
> & {
  /** The pull that has run or waited longest, if there is one. */
  readonly oldest?: AgedJob | undefined;
};
