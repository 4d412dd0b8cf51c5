/**
 * A holder is a member with a replica of a key's partition: an owner, a pending owner or a
 * fallback. It is asked the same way, here (`local.ts`) or there (`remote.ts`). So a coordinator
 * need not know which of them is its own node, and can be tested without any.
 *
 * Answers come by callback, exactly once, and perhaps before the call returns: this is the hottest
 * path of all, and a promise would cost each replica a turn.
 */
import type { MecError } from '../../base/errors.ts';
import type { Dot } from '../../core/causality/causal-context.ts';
import type { FilledObject, ObjectVersion } from '../../core/causality/object.ts';

/** Called once: with the answer, or with the error in its place. */
export type OnAnswer<Answer> = (answer: Answer | MecError) => void;

/** A question for all that a replica knows of a key. */
export interface KeyRead {
  readonly partition: number;
  readonly key: string;
  /** Versions that the asker holds: their bodies need not travel. */
  readonly have: readonly ObjectVersion<Uint8Array>[];
  readonly timeoutMs: number;
}

/** A key as one replica knows it. */
export interface KeyState {
  readonly object: FilledObject<Uint8Array>;
  /** The actor under which the replica writes now. */
  readonly actor: string;
  /** Whether the replica may hold everything that was ever acknowledged. */
  readonly isComplete: boolean;
}

/** Something that replicas must take in. */
export interface StoreItem {
  readonly partition: number;
  readonly key: string;
  readonly object: FilledObject<Uint8Array>;
  /** Dots of the partition whose whole effect the object carries. */
  readonly dots: readonly Dot[];
}

/** One member's replicas. */
export interface Holder {
  /** The name of the member. */
  readonly id: string;
  /** Reads a key. */
  read(asked: KeyRead, onAnswer: OnAnswer<KeyState>): void;
  /** Brings a stale replica up to date. Sync would do so too, so no one hears of a failure. */
  repair(item: StoreItem, timeoutMs: number): void;
}
