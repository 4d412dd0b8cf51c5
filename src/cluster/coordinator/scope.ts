/** What coordinating a request needs of the node. */
import type { Env } from '../../base/env.ts';
import { MecError } from '../../base/errors.ts';
import type { SyncLimits } from '../limits.ts';
import type { Store } from '../../storage/store.ts';
import type { Partitions } from '../partitions/partition-view.ts';
import type { KeyGrants } from '../holders/key-grants.ts';
import type { Holders, KeyPlace } from '../holders/select.ts';
import type { Members } from '../membership/members.ts';
import type { Peer, Peers } from '../membership/peers.ts';
import type { Policies } from '../policies.ts';
import type { Scrub } from '../sync/scrub.ts';
import type { Sync } from '../sync/sync.ts';
import type { KeyQueue } from './key-queue.ts';
import type { WallTime } from '../wall-time.ts';
import type { ForwardedWrites } from '../holders/forwarded-writes.ts';

/** The parts of a node that its coordinators share. */
export interface Scope {
  readonly env: Env;
  readonly members: Members;
  readonly peers: Peers;
  readonly policies: Policies;
  readonly time: WallTime;
  readonly store: Store;
  readonly sync: Sync;
  readonly scrub: Scrub;
  /** Writes taken over from other nodes. */
  readonly forwardedWrites: ForwardedWrites;
  /** The keys that this node grants to conditional writes. */
  readonly grants: KeyGrants;
  /** The conditional writes that this node coordinates, by key. */
  readonly keyQueue: KeyQueue;
  readonly partitions: Partitions;
  readonly holders: Holders;
  readonly limits: SyncLimits;
}

/**
 * Throws `stopping` if this node is gone: it may hand over what it holds, but must take nothing more. The
 * others do not ask a node that is gone before they forget, so what it acknowledged now could be lost.
 */
export function assertNotGone({ members }: Pick<Scope, 'members'>): void {
  if (members.own.state !== 'gone') return;
  throw new MecError('stopping', { detail: 'This node has left its cluster. Nothing was written.' });
}

/** The pending owners of a partition that can be reached: they are sent all writes, and count for none. */
export function pendingOwnersOf({ members, peers }: Scope, { partition }: KeyPlace): Peer[] {
  const pending = members.pending(partition);
  return pending.length === 0 ? [] : peers.reachable(pending, 0);
}
