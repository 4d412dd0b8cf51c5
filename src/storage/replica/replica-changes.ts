/** The changes that a replica is asked for, and its answers. */
import type { CausalContext, Dot } from '../../core/causality/causal-context.ts';
import type { RememberedWrite } from '../../core/quorum/decision.ts';
import type { FilledObject, WrittenObject } from '../../core/causality/object.ts';

/** A write that this replica coordinates. */
export interface ReplicaWrite {
  readonly key: string;
  /** The dots that the writer had seen. */
  readonly token: CausalContext;
  /** Packed content; undefined deletes. */
  readonly body: Uint8Array | undefined;
  /** The memory of the write, if it has an Idempotency-Key. */
  readonly memory?: Omit<RememberedWrite, keyof Dot> | undefined;
}

/** The result of a write, before it is durable. */
export interface ReplicaWritten extends WrittenObject<Uint8Array> {
  readonly dot: Dot;
}

/** An object of another replica, which this one merges. */
export interface ReplicaMerge {
  readonly key: string;
  readonly object: FilledObject<Uint8Array>;
  /** Dots of this partition whose whole effect is in the object. */
  readonly dots: readonly Dot[];
  /** The memory of the write that brings the object, if that has an Idempotency-Key. */
  readonly memory?: RememberedWrite | undefined;
}
