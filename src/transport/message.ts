/** Everything that nodes say to each other: one closed union of requests, one of replies. */
import type { Address } from '../base/env.ts';
import type { ErrorCode } from '../base/errors.ts';
import type { CausalContext, Dot } from '../core/causality/causal-context.ts';
import type { Condition } from '../core/quorum/condition.ts';
import type { MadeWrite, RememberedWrite } from '../core/quorum/decision.ts';
import type { Statement } from '../core/causality/evidence.ts';
import type { MemberRecord, MemberVersion } from '../core/placement/member-list.ts';
import type { FilledObject, ObjectVersion } from '../core/causality/object.ts';
import type { StoredWord } from '../core/quorum/write-quorum.ts';

/** Which process speaks, and whether it belongs here. */
export interface Identity extends Address {
  readonly name: string;
  /** Drawn at every start of the process: two processes under one name differ in it. */
  readonly process: string;
  readonly partitions: number;
  /** Replicas of a partition, as configured. */
  readonly n: number;
}

/** What nodes tell each other of the members on every occasion. */
export interface Gossip {
  /** Hash of the sender's member list, and whether that list may be relied on. */
  readonly hash: number;
  readonly isInformed: boolean;
  readonly records: readonly MemberRecord[];
  /** Members that somebody gets no answer from, neither directly nor through others. */
  readonly suspects: readonly MemberVersion[];
}

/** A request whose answer has contexts. */
interface AsksForContexts {
  /** The hashes of floors that the asker knows: the contexts of the answer may lie on them. */
  readonly floors?: readonly string[] | undefined;
}

/** Are you there? */
export interface PingRequest {
  readonly kind: 'ping';
}

/** Are you there, and who are we? */
export interface ProbeRequest extends Gossip {
  readonly kind: 'probe';
  readonly from: Identity;
  /** Whether the answer is to bear the whole member list. */
  readonly wantsAll: boolean;
}

/** Ask that member for me whether it is there. */
export interface ProbeForRequest {
  readonly kind: 'probe-for';
  readonly name: string;
}

/** What do you know of this key? */
export interface ReadRequest extends AsksForContexts {
  readonly kind: 'read';
  readonly key: string;
  /** Versions that the asker holds: the reply leaves their bodies out. */
  readonly have: readonly Dot[];
}

/** Take this in and say when it is durable. */
export interface StoreRequest {
  readonly kind: 'store';
  readonly key: string;
  readonly object: FilledObject<Uint8Array>;
  readonly dots: readonly Dot[];
  /** The number of the receiver's grant of the key: the store is refused if it is not current any more. */
  readonly grant?: string | undefined;
  /** What to remember of the write, if it may be repeated. */
  readonly memory?: RememberedWrite | undefined;
}

/** Grant the key to this write, and say what you know of it. */
export interface GrantRequest extends AsksForContexts {
  readonly kind: 'grant';
  /** A name of this attempt at the write, and of no other. */
  readonly ballot: string;
  readonly key: string;
  /** The name of the sender's view of the owners: only an owner with the same view grants. */
  readonly view: string;
  /** Versions that the asker holds: the reply leaves their bodies out. */
  readonly have: readonly Dot[];
  readonly idempotencyKey: string | undefined;
}

/** The ballot to which the key is granted is over. */
export interface ReleaseRequest {
  readonly kind: 'release';
  readonly ballot: string;
  readonly key: string;
}

/** Coordinate this write: the sender holds no replica of the key. */
export interface ForwardRequest {
  readonly kind: 'forward';
  /** Of this write, among all that are ever forwarded: one that comes twice is carried out once. */
  readonly id: string;
  /** The receiver's process, and until when by its clock it may begin; then the sender gives up. */
  readonly process: string;
  readonly notAfterMs: number;
  readonly key: string;
  readonly token: CausalContext | undefined;
  /** Packed content; undefined deletes. */
  readonly body: Uint8Array | undefined;
  readonly r: number | string;
  readonly w: number | string;
  readonly pr: number | string | undefined;
  readonly pw: number | string | undefined;
  readonly condition: Condition | undefined;
  readonly timeoutMs: number;
}

/** A partition with the hash of its clock. */
export interface Digest {
  readonly partition: number;
  readonly hash: number;
}

/** A partition with the hash of a floor. */
export interface PartitionFloor {
  readonly partition: number;
  readonly name: string;
}

/** Here is what I hold: where do we differ? */
export interface CompareRequest {
  readonly kind: 'compare';
  /** Member id of the sender. */
  readonly from: string;
  readonly digests: readonly Digest[];
  /** Floors that the sender knows and has not told the receiver: contexts may be sent on them. */
  readonly floors?: readonly PartitionFloor[] | undefined;
}

/** This is what I have seen of a partition: send what I lack. */
export interface PullRequest extends AsksForContexts {
  readonly kind: 'pull';
  /** Member id of the sender. */
  readonly from: string;
  readonly partition: number;
  readonly statement: Statement;
}

/** What do your replicas of these partitions say of themselves? */
export interface StateRequest extends AsksForContexts {
  readonly kind: 'state';
  /** Member id of the sender, and its life. */
  readonly from: string;
  readonly life: string;
  readonly partitions: readonly number[];
  /** For each of them the id of the sender's replica if the answer may help to make it complete, else empty. */
  readonly filling: readonly string[];
}

/** Asks for a partition as it is now, in key order. The first page has the id for further ones. */
export interface SnapshotRequest extends AsksForContexts {
  readonly kind: 'snapshot';
  /** Member id of the sender. */
  readonly from: string;
  readonly partition: number;
  /** Of the conversation; undefined opens one. */
  readonly id: string | undefined;
  /** Only keys after this one. */
  readonly after: string | undefined;
  /** Whether the asker has yet to catch up with enough others. */
  readonly isComplete: boolean;
}

/** I cannot read what I held of this key: what do you know of it? */
export interface MendRequest extends AsksForContexts {
  readonly kind: 'mend';
  /** Member id of the sender. */
  readonly from: string;
  readonly key: string;
}

/** These are my rows of a partition, after one key and up to another: are yours the same? The answer is `compared`. */
export interface ScrubRequest {
  readonly kind: 'scrub';
  /** Member id of the sender. */
  readonly from: string;
  readonly partition: number;
  /** Both undefined: from the first, to the last. */
  readonly after: string | undefined;
  readonly until: string | undefined;
  /** Hash of the clock that the rows belong to: of another, they cannot be compared. */
  readonly clockHash: number;
  readonly rows: number;
  /** Hash of their keys and dots. */
  readonly digest: number;
}

/** Which keys do you hold in these partitions, after a key and with a prefix, in order? */
export interface ListKeysRequest {
  readonly kind: 'list';
  readonly partitions: readonly number[];
  readonly prefix: string;
  readonly after: string | undefined;
  /** How many keys at most. */
  readonly limit: number;
}

/** Any request. */
export type Request =
  | PingRequest
  | ProbeRequest
  | ProbeForRequest
  | ReadRequest
  | StoreRequest
  | GrantRequest
  | ReleaseRequest
  | ForwardRequest
  | CompareRequest
  | StateRequest
  | PullRequest
  | SnapshotRequest
  | MendRequest
  | ScrubRequest
  | ListKeysRequest;

/** A version whose body may be left out, because the asker has it. */
export interface SparseVersion extends Dot {
  readonly body: Uint8Array | undefined;
}

/** The answer to `ping`, and to `probe-for` where the member answers. */
export interface PingReply {
  readonly kind: 'pong';
  readonly process: string;
  /** The sender's monotonic clock. */
  readonly nowMs: number;
}

/** The answer to `probe`. */
export interface ProbeReply extends Gossip {
  readonly kind: 'probed';
  readonly from: Identity;
  /** The sender's monotonic clock, and its wall clock, µs since 1970. */
  readonly nowMs: number;
  readonly wallMicros: number;
  /** Why the asker is not one of us; empty where it is. */
  readonly refusal: string;
}

/** The answer to `read`. */
export interface ReadReply {
  readonly kind: 'object';
  /** Under which actor the replica writes now. */
  readonly actor: string;
  /** Whether the replica may hold everything that was ever acknowledged. */
  readonly isComplete: boolean;
  readonly context: CausalContext;
  readonly versions: readonly SparseVersion[];
}

/** The answer to `grant`: the key is granted to the asker. */
export interface GrantReply extends Omit<ReadReply, 'kind' | 'isComplete'> {
  readonly kind: 'granted';
  /** Of the grant: the store must bring it back. */
  readonly number: string;
  /** What came of an earlier write with the same idempotency key. */
  readonly remembered: MadeWrite | undefined;
}

/** The answer to `store`: it is durable. */
export interface StoreReply extends StoredWord {
  readonly kind: 'stored';
  readonly actor: string;
}

/** The answer to `forward`: the write has its quorum. */
export interface ForwardReply {
  readonly kind: 'written';
  readonly dot: Dot;
  readonly token: CausalContext;
  /** What the key holds now, as far as the coordinator knows. */
  readonly versions: readonly Dot[];
  /** Whether a delete found anything to delete. */
  readonly found: boolean;
  /** Whether it had been made before, under the same idempotency key. */
  readonly isRepeated: boolean;
}

/** The answer to `compare` and `scrub`. */
export interface CompareReply {
  readonly kind: 'compared';
  /** Partitions in which the receiver has seen other writes than the sender, or (`scrub`) holds other rows. */
  readonly differing: readonly number[];
  /** Partitions that the receiver of a `scrub` cannot compare now. */
  readonly incomplete: readonly number[];
}

/** What a replica knows of one key, and the dots whose effect that is. */
export interface SyncItem {
  readonly key: string;
  readonly object: FilledObject<Uint8Array>;
  readonly dots: readonly Dot[];
}

/** What a replica says of itself, without the life of its node. */
export type ReplicaStatement = Omit<Statement, 'life'> & { readonly partition: number };

/** The answer to `state`. */
export interface StateReply {
  readonly kind: 'stated';
  readonly life: string;
  /** Hash of the member list by which the node speaks. */
  readonly members: number;
  readonly replicas: readonly ReplicaStatement[];
}

/** The answer to `pull`. */
export interface PullReply {
  readonly kind: 'page';
  readonly statement: Statement;
  readonly items: readonly SyncItem[];
  /** What else there is: nothing; more to ask for; or more than the log has: take a snapshot. */
  readonly rest: 'none' | 'more' | 'all';
}

/** The answer to `snapshot`: everything as it was when the conversation was opened. */
export interface SnapshotReply {
  readonly kind: 'snapshot-page';
  readonly id: string;
  /** On the first page: what the sender said then, and the dots that its log cannot tell any more. */
  readonly opening: { readonly statement: Statement; readonly cut: CausalContext } | undefined;
  readonly items: readonly SyncItem[];
  /** The key after which the next page begins; undefined if this was the last. */
  readonly next: string | undefined;
}

/** The answer to `mend`. */
export interface MendReply {
  readonly kind: 'mended';
  readonly life: string;
  /** Hash of the member list by which the node speaks. */
  readonly members: number;
  readonly replica: string;
  /** Every dot that the replica has seen, durably. */
  readonly clock: CausalContext;
  readonly lost: CausalContext;
  /** If the replica cannot read the key either: the dots whose effect on it may be missing. */
  readonly need: CausalContext | undefined;
  readonly item: SyncItem;
  /** Versions of the key that were salvaged from damage. */
  readonly aside: readonly ObjectVersion<Uint8Array>[];
}

/** The answer to `list`: of these partitions all the keys with a living value there are, up to `until`. */
export interface ListKeysReply {
  readonly kind: 'keys';
  readonly keys: readonly string[];
  /** For each key a hash of the dots of its versions. */
  readonly tags: readonly number[];
  /** The key up to which the answer reaches; undefined where it reaches to the end. */
  readonly until: string | undefined;
  /** The partitions that the receiver cannot vouch for. */
  readonly incomplete: readonly number[];
}

/** The receiver could not read the request: it lacks the floor of a context, and has done nothing. Send it whole. */
export interface UnknownFloorReply {
  readonly kind: 'unknown-floor';
}

/** The request failed at the receiver. */
export interface FailedReply {
  readonly kind: 'failed';
  readonly code: ErrorCode;
  readonly detail: string;
  readonly have: number;
  readonly need: number;
}

/** Any reply. */
export type Reply =
  | PingReply
  | ProbeReply
  | ReadReply
  | GrantReply
  | StoreReply
  | ForwardReply
  | CompareReply
  | StateReply
  | PullReply
  | SnapshotReply
  | MendReply
  | ListKeysReply
  | UnknownFloorReply
  | FailedReply;

/** Any message. */
export type Message = Request | Reply;
