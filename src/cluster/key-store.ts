/** The keys of a node, as HTTP and embedding programs use them: read, write, delete, list. */
import type { CausalContext, Dot } from '../core/causality/causal-context.ts';
import type { Condition } from '../core/quorum/condition.ts';
import type { Quorum } from '../core/quorum/quorum.ts';
import type { GetResult } from './coordinator/get.ts';
import type { ListPage } from './coordinator/list.ts';
import type { OnBehalf } from './holders/holder.ts';
import type { PutResult } from './holders/write-request.ts';

/** The options of a read; defaults are in the configuration. */
export interface ReadOptions extends OnBehalf {
  readonly r?: Quorum | undefined;
  /** The number of them that must be owners, and not fallbacks. */
  readonly pr?: Quorum | undefined;
  readonly timeoutMs?: number | undefined;
}

/** Further options of a read. */
export interface NodeGetOptions extends ReadOptions {
  /**
   * Dots of the key that the reader has seen. The replicas that answer must have seen each of them.
   */
  readonly seen?: readonly Dot[] | undefined;
  /** The joined tokens of answers without a value. The read shows no version that they cover. */
  readonly gone?: CausalContext | undefined;
}

/** The options of a write; defaults are in the configuration. */
export interface WriteOptions extends ReadOptions {
  /** The context that the writer has seen; undefined if it has no token. */
  readonly token?: CausalContext | undefined;
  readonly w?: Quorum | undefined;
  readonly pw?: Quorum | undefined;
  /** The condition of the write. */
  readonly condition?: Condition | undefined;
}

/** The options of a listing; defaults are in the configuration. */
export interface NodeListOptions extends ReadOptions {
  readonly prefix?: string;
  /** The listing begins after this key. */
  readonly after?: string | undefined;
  /** The most keys of one page. */
  readonly limit: number;
}

/** The keys of a cluster, through one of its nodes. All reject with a `MecError`. */
export interface KeyStore {
  /** Reads a key at R of its owners. */
  get(key: string, options?: NodeGetOptions): Promise<GetResult>;
  /**
   * Writes packed content at W of the owners of the key, or deletes the key if there is no body.
   */
  put(key: string, body: Uint8Array | undefined, options?: WriteOptions): Promise<PutResult>;
  /**
   * Reads the next page of the keys that have a value, in order. Rejects if the page cannot be
   * complete.
   */
  list(options: NodeListOptions): Promise<ListPage>;
}
