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
import type { MadeWrite, RememberedWrite } from '../../core/quorum/decision.ts';
import type { StoredWord } from '../../core/quorum/write-quorum.ts';

/** Called once: with the answer, or with the error in its place. */
export type OnAnswer<Answer> = (answer: Answer | MecError) => void;

/** The client on whose behalf a holder is asked: for access control, quotas and traces. */
export interface OnBehalf {
  /** The name of the client; undefined for the node itself, and without access control. */
  readonly caller?: string | undefined;
}

/** A question for all that a replica knows of a key. */
export interface KeyRead extends OnBehalf {
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
export interface StoreItem extends OnBehalf {
  readonly partition: number;
  readonly key: string;
  readonly object: FilledObject<Uint8Array>;
  /** Dots of the partition whose whole effect the object carries. */
  readonly dots: readonly Dot[];
  /** The memory of the write that brings it, if that may be repeated. */
  readonly memory?: RememberedWrite | undefined;
}

/** How an item is stored. */
export interface StoreTerms {
  readonly timeoutMs: number;
  /**
   * The number of the holder's grant of the key: if it is no longer current, the holder refuses.
   */
  readonly grant?: string | undefined;
}

/** The word of a holder that has stored an item durably. */
export interface Stored extends StoredWord {
  /** The actor under which the replica writes now. */
  readonly actor: string;
}

/** A ballot of a conditional write. */
export interface BallotAsked extends OnBehalf {
  readonly partition: number;
  readonly key: string;
  /** A name of this attempt at the write, and of no other. */
  readonly ballot: string;
  readonly timeoutMs: number;
}

/** A request for a key, on behalf of a ballot. */
export interface GrantAsked extends BallotAsked, KeyRead {
  /** The name of the asker's view of the owners: only an owner with the same view grants. */
  readonly view: string;
  readonly idempotencyKey: string | undefined;
}

/** A key granted, and its state in the same turn: also what is not durable yet. */
export interface KeyGranted extends Omit<KeyState, 'isComplete'> {
  /** The number of the grant: the store must bring it back. */
  readonly number: string;
  /** The result of an earlier write with the same idempotency key. */
  readonly remembered: MadeWrite | undefined;
}

/** A question for the next keys that a member holds in some partitions, in order. */
export interface KeysAsked extends OnBehalf {
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

/** Versions of one replica that expire. */
export interface ExpiringVersions {
  /** Whether any may have expired at a moment, µs since 1970. */
  isDue(nowMicros: number): boolean;
  /** The keys of those that have, the earliest first. */
  due(nowMicros: number, limit: number): Promise<readonly { readonly key: string }[]>;
  versionsOf(key: string): readonly ObjectVersion<Uint8Array>[];
  /** Not all that were due could be removed: the next sweep must look again. */
  postpone(): void;
}

/** One member's replicas. */
export interface Holder {
  /** The name of the member. */
  readonly id: string;
  /** Reads a key. */
  read(asked: KeyRead, onAnswer: OnAnswer<KeyState>): void;
  /** Stores an item durably. */
  store(item: StoreItem, options: StoreTerms, onAnswer: OnAnswer<Stored>): void;
  /** Grants a key to a ballot; `contended` if another has it. */
  grant(asked: GrantAsked, onAnswer: OnAnswer<KeyGranted>): void;
  /** Frees the key, if the ballot has it. */
  release(asked: BallotAsked): void;
  /** Brings a stale replica up to date. Sync would do so too, so no one hears of a failure. */
  repair(item: StoreItem, timeoutMs: number): void;
  /** Lists keys of several partitions at once; rejects with a `MecError`. */
  list(asked: KeysAsked): Promise<KeysFound>;
}
