/** The parts that all replicas of a node use. */
import type { Clock, Log } from '../base/env.ts';
import type { Recorder } from '../base/recorder.ts';
import type { OwnActors } from '../core/causality/actor.ts';
import type { ReplicaNames } from '../core/causality/replica-name.ts';
import type { CommitQueue } from './commit-queue.ts';
import type { Engine } from './engine.ts';
import type { PackedVersion } from './records.ts';
import type { ObjectCache } from './object-cache.ts';
import type { TenantBytes } from './tenant-bytes.ts';

/** Is told the present versions of a key. */
export type OnVersions = (key: string, versions: readonly PackedVersion[]) => void;

/** The parts of an open store that its replicas share. */
export interface StoreParts {
  readonly clock: Pick<Clock, 'monotonicMs'>;
  readonly engine: Engine;
  readonly queue: CommitQueue;
  readonly cache: ObjectCache;
  readonly nodeName: string;
  /** The actors of this life of the node. */
  readonly actors: OwnActors;
  /** The names of the replicas of this life. */
  readonly names: ReplicaNames;
  readonly log: Log;
  readonly recorder?: Recorder | undefined;
  /** Called with the versions of a key after each change; undefined if none looks. */
  readonly onVersions?: OnVersions | undefined;
  readonly tenants: TenantBytes;
  /** Log entries kept per replica. */
  readonly maxLogEntries: number;
}
