/** What the replicas of one node have in common. */
import type { Clock, Log } from '../base/env.ts';
import type { OwnActors } from '../core/causality/actor.ts';
import type { ReplicaNames } from '../core/causality/replica-name.ts';
import type { CommitQueue } from './commit-queue.ts';
import type { Engine } from './engine.ts';
import type { ObjectCache } from './object-cache.ts';

/** What the replicas of one store share. */
export interface StoreParts {
  readonly clock: Pick<Clock, 'monotonicMs'>;
  readonly engine: Engine;
  readonly queue: CommitQueue;
  readonly cache: ObjectCache;
  readonly nodeName: string;
  /** The actors that this life of the node has not used yet. */
  readonly actors: OwnActors;
  /** Of this life, too. */
  readonly names: ReplicaNames;
  readonly log: Log;
  /** Of each replica. */
  readonly maxLogEntries: number;
}
