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

/** A question for the next keys that a member holds in some partitions, in order. */
export interface KeysAsked {
  readonly partitions: readonly number[];
  readonly prefix: string;
  /** Only keys after this one. */
  readonly after: string | undefined;
  /** How many keys at most. */
  readonly limit: number;
  readonly timeoutMs: number;
}

/** All the keys with a living value that a member holds in these partitions, up to `until`. */
export interface KeysFound {
  readonly keys: readonly string[];
  /** For each key a hash of the dots of its versions. */
  readonly tags: readonly number[];
  /** The key up to which the answer reaches; undefined if it reaches to the end. */
  readonly until: string | undefined;
  /** The partitions that the member cannot answer for. */
  readonly incomplete: readonly number[];
}

/** One member's replicas. */
export interface Holder {
  /** The name of the member. */
  readonly id: string;
  /** Reads a key. */
  read(asked: KeyRead, onAnswer: OnAnswer<KeyState>): void;
  /** Brings a stale replica up to date. Sync would do so too, so no one hears of a failure. */
  repair(item: StoreItem, timeoutMs: number): void;
  /** Lists keys of several partitions at once; rejects with a `MecError`. */
  list(asked: KeysAsked): Promise<KeysFound>;
}
