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
  /** The number of replicas that must answer. */
  readonly r?: Quorum | undefined;
  /** The number of answers that must come from owners, and not from fallbacks. */
  readonly pr?: Quorum | undefined;
  readonly timeoutMs?: number | undefined;
}

/** Further options of a read. */
export interface NodeGetOptions extends ReadOptions {
  /**
   * Dots of the key that the reader has seen. The answers together must include each of them.
   */
  readonly seen?: readonly Dot[] | undefined;
  /** The joined tokens of answers without a value. The read shows no version that they cover. */
  readonly gone?: CausalContext | undefined;
}

/** The options of a write; defaults are in the configuration. */
export interface WriteOptions extends ReadOptions {
  /** The context that the writer has seen; undefined if it has no token. */
  readonly token?: CausalContext | undefined;
  /** Whether the token has no signature. */
  readonly isUnsigned?: boolean | undefined;
  /** The number of disks that must have the write. */
  readonly w?: Quorum | undefined;
  /** The number of those disks that must be disks of owners. */
  readonly pw?: Quorum | undefined;
  /**
   * Whether the write replaces all versions that a read with `r` sees, as a delete without a token
   * removes them. Not with a token or a condition.
   */
  readonly replace?: boolean | undefined;
  /** The condition under which the write is made. */
  readonly condition?: Condition | undefined;
}

/** The options of a listing; defaults are in the configuration. */
export interface NodeListOptions extends ReadOptions {
  readonly prefix?: string;
  /** The listing begins after this key. */
  readonly after?: string | undefined;
  /** The most keys of one page. */
  readonly limit: number;
  /** Whether the page must have the sizes of the keys. */
  readonly sizes?: boolean | undefined;
}

/** The keys of a cluster, through one of its nodes. Each method rejects with a `MecError`. */
export interface KeyStore {
  /** Reads a key at R of its holders. */
  get(key: string, options?: NodeGetOptions): Promise<GetResult>;
  /**
   * Writes packed content at W of the key's holders, or deletes the key if there is no body.
   */
  put(key: string, body: Uint8Array | undefined, options?: WriteOptions): Promise<PutResult>;
  /**
   * Reads the next page of the keys that have a value, in order. Rejects if the page cannot be
   * complete.
   */
  list(options: NodeListOptions): Promise<ListPage>;
}
