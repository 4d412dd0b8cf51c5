/**
 * A holder is a member with a replica of a key's partition: an owner, a pending owner or a
 * fallback. A coordinator asks this node (`local.ts`) and a peer (`remote.ts`) in the same way. So
 * it need not know which holder is its own node, and can be tested without storage and network.
 *
 * An answer comes by callback, exactly once, and perhaps before the call returns. On this path,
 * which is the hottest of all, a promise would cost each replica a turn of the event loop.
 */
import type { MecError } from '../../base/errors.ts';
import type { Dot } from '../../core/causality/causal-context.ts';
import type { FilledObject, ObjectVersion } from '../../core/causality/object.ts';
import type { MadeWrite, RememberedWrite } from '../../core/quorum/decision.ts';
import type { OwnerSets } from '../../core/quorum/joint-tally.ts';
import type { StoredWord } from '../../core/quorum/write-quorum.ts';

/** Called once, with the answer or with an error. */
export type OnAnswer<Answer> = (answer: Answer | MecError) => void;

/** The client behind a request to a holder: for access control, quotas and traces. */
export interface OnBehalf {
  /** The name of the client; undefined for the node itself, and without access control. */
  readonly caller?: string | undefined;
}

/** The owners of a key as the asker knows them. */
export interface KnownOwners {
  /**
   * The hash of its view of the owners. A holder with another view names the owners that it knows.
   * Undefined if the asker counts no owners.
   */
  readonly ownersHash?: number | undefined;
}

/** A request for the object of a key. */
export interface KeyReadRequest extends OnBehalf, KnownOwners {
  readonly partition: number;
  readonly key: string;
  /** Versions that the asker already has. The answer omits their bodies. */
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
  /** The owners as the holder knows them; undefined if they are those of the asker. */
  readonly owners?: OwnerSets | undefined;
}

/** An object that replicas must store. */
export interface StoreItem extends OnBehalf, KnownOwners {
  readonly partition: number;
  readonly key: string;
  readonly object: FilledObject<Uint8Array>;
  /** Dots whose whole effect is in the object. The replica adds them to its clock. */
  readonly dots: readonly Dot[];
  /** The memory of the write, if it may be repeated. */
  readonly memory?: RememberedWrite | undefined;
}

/** The terms on which an item is stored. */
export interface StoreTerms {
  readonly timeoutMs: number;
  /** The number of the holder's grant. If it is no longer current, the holder refuses the store. */
  readonly grant?: string | undefined;
}

/** The acknowledgement of a holder that has stored an item durably. */
export interface StoreResult extends StoredWord {
  /** The actor under which the replica writes now. */
  readonly actor: string;
}

/** A ballot of a conditional write. */
export interface BallotRequest extends OnBehalf {
  readonly partition: number;
  readonly key: string;
  /** The name of this attempt at the write. No other attempt has it. */
  readonly ballot: string;
  readonly timeoutMs: number;
}

/** A request for a key, on behalf of a ballot. */
export interface KeyGrantRequest extends BallotRequest, KeyReadRequest {
  /**
   * The name of the asker's view of the owners. Only an owner with the same view grants the key.
   */
  readonly view: string;
  readonly idempotencyKey: string | undefined;
}

/** A grant, with the state of the key in the same turn, which may not be durable yet. */
export interface KeyGrant extends Omit<KeyState, 'isComplete' | 'owners'> {
  /** The number of the grant. The store must bring it back. */
  readonly number: string;
  /** The result of an earlier write with the same idempotency key. */
  readonly remembered: MadeWrite | undefined;
}

/** A partition, with the hash of the asker's view of its owners. */
export interface KnownPartition {
  readonly partition: number;
  readonly ownersHash: number;
}

/** A request for the next keys in some partitions of a member, in order. */
export interface KeyListRequest extends OnBehalf {
  readonly partitions: readonly KnownPartition[];
  readonly prefix: string;
  /** Only keys after this one. */
  readonly after: string | undefined;
  /** The largest number of keys in the answer. */
  readonly limit: number;
  /** Whether the answer must have the sizes of the keys. */
  readonly sizes?: boolean | undefined;
  readonly timeoutMs: number;
}

/** All keys up to `until` that have a value in these partitions of a member. */
export interface KeysFound {
  readonly keys: readonly string[];
  /** For each key, a hash of the dots of its visible versions. */
  readonly tags: readonly number[];
  /** For each key the number of visible versions and the bytes of their values, if requested. */
  readonly values?: readonly number[] | undefined;
  readonly bytes?: readonly number[] | undefined;
  /** The key up to which the answer reaches; undefined if it reaches to the end. */
  readonly until: string | undefined;
  /** The partitions that the member cannot answer for. */
  readonly incomplete: readonly number[];
  /** The partitions of which the member knows other owners than the asker. */
  readonly otherOwners: readonly number[];
}

/** Versions of one replica that expire. */
export interface ExpiringVersions {
  /** Whether a version may have expired by this time, in µs since 1970. */
  isDue(nowMicros: number): boolean;
  /** Returns keys with a version that has expired by this time, earliest first, at most `limit`. */
  due(nowMicros: number, limit: number): Promise<readonly { readonly key: string }[]>;
  versionsOf(key: string): readonly ObjectVersion<Uint8Array>[];
  /** Makes the next sweep look again, because some versions could not be removed. */
  postpone(): void;
}

/** The replicas of one member. */
export interface Holder {
  /** The name of the member. */
  readonly id: string;
  /** Reads a key. */
  read(request: KeyReadRequest, onAnswer: OnAnswer<KeyState>): void;
  /** Stores an item durably. */
  store(item: StoreItem, options: StoreTerms, onAnswer: OnAnswer<StoreResult>): void;
  /** Grants a key to a ballot. Answers `contended` if another ballot has it. */
  grant(request: KeyGrantRequest, onAnswer: OnAnswer<KeyGrant>): void;
  /** Frees the key, if the ballot has it. */
  release(request: BallotRequest): void;
  /** Brings a stale replica up to date. It reports no failure, since sync would repair it too. */
  repair(item: StoreItem, timeoutMs: number): void;
  /** Lists keys of several partitions at once; rejects with a `MecError`. */
  list(request: KeyListRequest): Promise<KeysFound>;
}
