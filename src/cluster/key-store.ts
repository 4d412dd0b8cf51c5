/** The keys of a node, as HTTP and embedding programs use them: read, write, delete, list. */
import type { CausalContext, Dot } from '../core/causality/causal-context.ts';
import type { Condition } from '../core/quorum/condition.ts';
import type { Quorum } from '../core/quorum/quorum.ts';
import type { GetResult } from './coordinator/get.ts';
import type { ListPage } from './coordinator/list.ts';
import type { OnBehalf } from './holders/holder.ts';
import type { PutResult } from './holders/write-request.ts';

/** How a read may differ from the configured defaults. */
export interface ReadOptions extends OnBehalf {
  readonly r?: Quorum | undefined;
  /** How many of them must be owners, and not fallbacks. */
  readonly pr?: Quorum | undefined;
  readonly timeoutMs?: number | undefined;
}

/** What a read may ask for on top. */
export interface NodeGetOptions extends ReadOptions {
  /** Dots of the key that the reader has seen: the answer must know about each. */
  readonly seen?: readonly Dot[] | undefined;
  /** Tokens, joined, of answers that found nothing: the answer shows nothing that they cover. */
  readonly gone?: CausalContext | undefined;
}

/** How a write may differ from the configured defaults. */
export interface WriteOptions extends ReadOptions {
  /** What the writer had seen; undefined where it has no token. */
  readonly token?: CausalContext | undefined;
  readonly w?: Quorum | undefined;
  readonly pw?: Quorum | undefined;
  /** What must hold for the write to be made. */
  readonly condition?: Condition | undefined;
}

/** Which keys to list, and how a listing may differ from the configured defaults. */
export interface NodeListOptions extends ReadOptions {
  readonly prefix?: string;
  /** Only keys after this one. */
  readonly after?: string | undefined;
  /** How many keys at most. */
  readonly limit: number;
}

/** The keys of a cluster, through one of its nodes. All reject with a `MecError`. */
export interface KeyStore {
  /** Reads a key at R of its owners. */
  get(key: string, options?: NodeGetOptions): Promise<GetResult>;
  /** Writes packed content, or without a body deletes, at W of the key's owners. */
  put(key: string, body: Uint8Array | undefined, options?: WriteOptions): Promise<PutResult>;
  /** The next page of the keys that have a value, in order. Rejects if it could not be complete. */
  list(options: NodeListOptions): Promise<ListPage>;
}
