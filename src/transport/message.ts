/** Everything that nodes say to each other: one closed union of requests, one of replies. */
import type { ErrorCode } from '../base/errors.ts';
import type { CausalContext, Dot } from '../core/causal-context.ts';
import type { FilledObject } from '../core/object.ts';

/** Who is there, and does it belong here? Sent on the membership port. */
export interface Ping {
  readonly kind: 'ping';
  readonly name: string;
  /** Drawn at every start of the process: two processes under one name differ in it. */
  readonly process: string;
  readonly partitions: number;
  /** Hash of the sender's member list. */
  readonly members: number;
}

/** What do you know of this key? */
export interface Read {
  readonly kind: 'read';
  readonly key: string;
  /** Versions that the asker holds: the reply leaves their bodies out. */
  readonly have: readonly Dot[];
}

/** Take this in and say when it is durable. */
export interface Store {
  readonly kind: 'store';
  readonly key: string;
  readonly object: FilledObject<Uint8Array>;
  readonly dots: readonly Dot[];
}

/** Coordinate this write: the sender holds no replica of the key. */
export interface Forward {
  readonly kind: 'forward';
  readonly key: string;
  readonly token: CausalContext | undefined;
  /** Packed content; undefined deletes. */
  readonly body: Uint8Array | undefined;
  readonly r: number | string;
  readonly w: number | string;
  /** Time that is left for it, in ms. A receiver that wakes up later than that drops it: the sender has gone elsewhere. */
  readonly budgetMs: number;
}

/** Any request. */
export type Request = Ping | Read | Store | Forward;

/** A version whose body may be left out, because the asker has it. */
export interface SparseVersion extends Dot {
  readonly body: Uint8Array | undefined;
}

/** The answer to `ping`. */
export interface Pong extends Omit<Ping, 'kind'> {
  readonly kind: 'pong';
}

/** The answer to `read`. */
export interface ReadReply {
  readonly kind: 'object';
  /** Under which actor the replica writes now. */
  readonly actor: string;
  readonly context: CausalContext;
  readonly versions: readonly SparseVersion[];
}

/** The answer to `store`: it is durable. */
export interface Stored {
  readonly kind: 'stored';
  readonly actor: string;
}

/** The answer to `forward`: the write has its quorum. */
export interface Written {
  readonly kind: 'written';
  readonly dot: Dot;
  readonly token: CausalContext;
  /** What the key holds now, as far as the coordinator knows. */
  readonly versions: readonly Dot[];
  /** Whether a delete found anything to delete. */
  readonly found: boolean;
}

/** The request failed at the receiver. */
export interface Failed {
  readonly kind: 'failed';
  readonly code: ErrorCode;
  readonly detail: string;
  readonly have: number;
  readonly need: number;
}

/** Any reply. */
export type Reply = Pong | ReadReply | Stored | Written | Failed;

/** Any message. */
export type Message = Request | Reply;
