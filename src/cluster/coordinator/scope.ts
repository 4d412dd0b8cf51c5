/** What coordinating a request needs of the node. */
import type { Env } from '../../base/env.ts';
import type { SyncLimits } from '../limits.ts';
import type { Store } from '../../storage/store.ts';
import type { Partitions } from '../partitions/partition-view.ts';
import type { Holders } from '../holders/select.ts';
import type { Members } from '../membership/members.ts';
import type { Peers } from '../membership/peers.ts';
import type { Policies } from '../policies.ts';
import type { Scrub } from '../sync/scrub.ts';
import type { Sync } from '../sync/sync.ts';
import type { ConditionalWrites } from './conditional-write.ts';
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
  readonly conditionals: ConditionalWrites;
  readonly partitions: Partitions;
  readonly holders: Holders;
  readonly limits: SyncLimits;
}
