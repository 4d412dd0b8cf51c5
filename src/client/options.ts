/** The options of the client's calls. */
import type { Quorum } from '../core/quorum/quorum.ts';
import type { Token, Written } from './answers.ts';
import type { Codec } from './codec.ts';
import type { Merge } from './merge/merge.ts';
import type { ClientWorld } from './world.ts';

/** The options that apply to one call. */
export interface CallOptions {
  /** The longest time for the call with all its retries, ms. Default 10 000. */
  readonly deadlineMs?: number | undefined;
  /** The longest wait for one node before the next is tried, ms. Default 2 000. */
  readonly attemptMs?: number | undefined;
  /** Ends the call, which rejects with the signal's reason. */
  readonly signal?: AbortSignal | undefined;
}

/** The options of a client. */
export interface ClientOptions<T> extends Pick<CallOptions, 'deadlineMs' | 'attemptMs'> {
  /** Converts values to bytes and back. Default `json()`. */
  readonly codec?: Codec<T> | undefined;
  /** Stored with every value as `X-Mec-Client-ID`, for people to read. */
  readonly clientId?: string | undefined;
  /**
   * A token of an identity, `mec_ID_SECRET`, for a secured cluster. It needs URLs with `https:`, so
   * that it never travels in the clear.
   */
  readonly token?: string | undefined;
  /** Time, random numbers and `fetch`; for tests. */
  readonly world?: ClientWorld | undefined;
}

/** The options of a read. */
export interface GetOptions extends CallOptions {
  readonly r?: Quorum | undefined;
  /**
   * Whether the answer must include everything that this client has read and written under the key,
   * so that reads never go back in time. Default true. With false, any read quorum will do.
   */
  readonly monotonic?: boolean | undefined;
}

/** The options of a write. */
export interface PutOptions extends CallOptions {
  /**
   * The token of a read or of an earlier write, whose values this write replaces. Without one it
   * replaces nothing.
   */
  readonly token?: Token | undefined;
  readonly w?: Quorum | undefined;
  /**
   * Writes only if the key has no value, and otherwise rejects with a `ConflictError`. Of several
   * concurrent creates at most one is acknowledged, even in a cut network: it needs a majority of
   * the key's owners. A create with an unknown outcome may become a sibling of the winner.
   */
  readonly ifMissing?: boolean | undefined;
  /**
   * Writes only if the key's current `etag` is this one, and otherwise rejects with a
   * `ConflictError`. It needs a majority of the key's owners.
   */
  readonly ifMatch?: string | undefined;
  /**
   * Whether the write must be made at most once, even if it is sent several times. It then needs a
   * majority of the key's owners, and fails if a cut network leaves none. By default a write needs
   * no majority. If it is sent twice, two copies may be stored until the next write, but readers
   * see one.
   */
  readonly once?: boolean | undefined;
  /** Stored with the value as `X-Mec-Meta-*`, up to 8 KiB. */
  readonly meta?: Readonly<Record<string, string>> | undefined;
  /**
   * The lifetime of the value in whole seconds. By default unlimited, or as the cluster's policy
   * says.
   */
  readonly ttlSeconds?: number | undefined;
  /** Replaces the content type of the codec. */
  readonly contentType?: string | undefined;
  /**
   * The encoding of the bytes that the codec makes, such as `gzip`; see `Version.contentEncoding`.
   * The client does not encode them.
   */
  readonly contentEncoding?: string | undefined;
  /** Replaces the client ID of the client. */
  readonly clientId?: string | undefined;
}

/** The options of a `set`. */
export type SetOptions = Omit<PutOptions, 'token' | 'ifMissing' | 'ifMatch' | 'once'> &
  Pick<GetOptions, 'r'>;

/** The options of a delete. */
export type DeleteOptions = Pick<PutOptions, 'token' | 'w'> & Pick<GetOptions, 'r'> & CallOptions;

/** The options of an update. */
export interface UpdateOptions<T> extends CallOptions {
  /**
   * Merges two concurrent values into one. Must be commutative, associative and idempotent; see
   * `mec-db/merge`.
   */
  readonly merge: Merge<T>;
  readonly r?: Quorum | undefined;
  readonly w?: Quorum | undefined;
  /** The lifetime of the new value in whole seconds. */
  readonly ttlSeconds?: number | undefined;
}

/** The result of an update. */
export interface Updated<T> extends Written {
  readonly value: T;
  /** The number of values that the update has merged. */
  readonly merged: number;
}

/** The keys to count, and the options of the request. */
export type CountOptions = Pick<ListOptions, 'r' | 'prefix'> & CallOptions;

/** The keys to list, and the options of each request. */
export interface ListOptions extends CallOptions {
  readonly r?: Quorum | undefined;
  readonly prefix?: string | undefined;
  /** Lists only keys after this one. */
  readonly after?: string | undefined;
  /** Keys per request, 1 to 1000. Default 1000. */
  readonly pageKeys?: number | undefined;
}
