/**
 * What a node says of itself in `/status`: made for people and monitoring. Every part may be added
 * to.
 */
import type { Reach } from '../core/placement/detector.ts';
import type { MemberRecord, MemberState } from '../core/placement/member-list.ts';
import type { StoreStatus } from '../storage/store-status.ts';
import type { Config } from './config.ts';
import type { Share } from './membership/ownership.ts';
import type { HandoffProgress } from './membership/lifecycle.ts';
import type { Throttle } from './sync/throttle.ts';
import type { AgedJob } from './sync/pull-queue.ts';

/** A part of the status of a node. */
export type { StoreStatus };

/** How a node is. What cannot be told now is undefined, and not there in JSON. */
export interface NodeStatus {
  readonly name: string;
  readonly zone?: string | undefined;
  readonly state: MemberState;
  /** Whether it is to be sent requests. */
  readonly isReady: boolean;
  readonly uptimeMs?: number | undefined;
  /** As configured, and how many replicas a key has with the members that there are. */
  readonly quorum: Config['quorum'] & { readonly replicas: number };
  readonly partitions: Share & { readonly all: number };
  /** Of a node that joins, or is gone and hands over: how far it is. */
  readonly handoff: HandoffProgress & ReturnType<Throttle['status']>;
  readonly members: readonly MemberStatus[];
  readonly peers: readonly PeerStatus[];
  readonly store: StoreStatus;
  readonly sync: SyncStatus;
  readonly scrub: Readonly<Record<'pages' | 'differences' | 'restored', number>>;
  /** The two sockets that peers speak to. */
  readonly incoming: Readonly<Record<'membership' | 'data', SocketStatus>>;
}

/** A member, as the node that is asked knows it. */
export type MemberStatus = MemberRecord & Share;

/** A peer, as the node that is asked reaches it. */
export interface PeerStatus {
  readonly node: string;
  readonly reach: Reach;
  /** Why it refuses to speak with this node, where it does. */
  readonly refusal?: string | undefined;
  /** How long ago it was heard of. */
  readonly silentMs?: number | undefined;
  /**
   * How far its wall clock is ahead of the one of the node that is asked; undefined if it was not
   * heard of lately.
   */
  readonly clockSkewMs?: number | undefined;
  readonly latencyMs: number;
  /** What waits for it, on the two connections. */
  readonly data: LinkStatus;
  readonly probes: LinkStatus;
}

/**
 * A connection to a peer: requests that wait for their answer, those not yet sent, and how many
 * went wrong.
 */
export type LinkStatus = Readonly<
  Record<'pending' | 'queued' | 'queuedBytes' | 'late' | 'refused' | 'garbage' | 'version', number>
>;

/**
 * A socket that peers speak to: who does, answers not yet sent, and how many messages were lost or
 * made no sense.
 */
export type SocketStatus = Readonly<Record<'callers' | 'queued' | 'dropped' | 'garbage', number>>;

/** What is being caught up with, in partitions; and what has been, in times. */
export type SyncStatus = Readonly<
  Record<'incomplete' | 'fallbacks' | 'waiting' | 'running' | 'pulls' | 'failures' | 'dropped', number>
> & {
  /** The pull that has run or waited longest, if there is one. */
  readonly oldest?: AgedJob | undefined;
};
