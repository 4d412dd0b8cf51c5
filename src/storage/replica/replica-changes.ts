/** What is asked of a replica, and what it answers. */
import type { CausalContext, Dot } from '../../core/causality/causal-context.ts';
import type { RememberedWrite } from '../../core/quorum/decision.ts';
import type { FilledObject, WrittenObject } from '../../core/causality/object.ts';

/** A write as it is asked of a replica. */
export interface ReplicaWrite {
  readonly key: string;
  /** What the writer had seen. */
  readonly token: CausalContext;
  /** Packed content; undefined deletes. */
  readonly body: Uint8Array | undefined;
  /** What to remember of it, if it may be repeated. */
  readonly memory?: Omit<RememberedWrite, keyof Dot> | undefined;
}

/** What a write did, before it is durable. */
export interface ReplicaWritten extends WrittenObject<Uint8Array> {
  readonly dot: Dot;
}

/** A merge as it is asked of a replica. */
export interface ReplicaMerge {
  readonly key: string;
  readonly object: FilledObject<Uint8Array>;
  /** Dots of this partition whose whole effect the object carries. */
  readonly dots: readonly Dot[];
  /** What to remember of the write that brings it, if it may be repeated. */
  readonly memory?: RememberedWrite | undefined;
}
