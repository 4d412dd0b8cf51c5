/**
 * The client: typed reads and writes over HTTP, on any number of nodes. It needs only `fetch`, so
 * it runs in Node and in browsers.
 *
 * A read has three outcomes, and the types make the caller handle each: a caller that drops
 * siblings loses writes. To change a value, use `update`. It reads, merges siblings, applies the
 * change, and writes with the token of its read. So it never overwrites an acknowledged write
 * unseen.
 */
import { backoff } from '../base/delays.ts';
import { MAX_LIST_KEYS } from '../core/limits.ts';
import {
  CLIENT_ATTEMPT_MS,
  CLIENT_BACKOFF,
  CLIENT_DEADLINE_MS,
  MAX_UPDATE_ROUNDS,
  UPDATE_CATCH_UP_MS,
} from './limits.ts';
import { drawName } from '../core/causality/actor.ts';
import type { Quorum } from '../core/quorum/quorum.ts';
import {
  type Deleted,
  dotsOf,
  type Read,
  type Token,
  toDeleted,
  toRead,
  toWritten,
  valuesOf,
  type Written,
} from './answers.ts';
import { ConflictError, clientError, MecClientError } from './client-error.ts';
import { type Codec, json } from './codec.ts';
import { type DeliveredAnswer, type Call, deliver, type Patience } from './delivery.ts';
import type { Author, Merge } from './merge/merge.ts';
import { NodePool } from './node-pool.ts';
import { Session } from './session.ts';
import { UpdateQueue } from './update-queue.ts';
import { type ClientWorld, systemWorld } from './world.ts';

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
   * Writes only if the key has no value, and otherwise rejects with a `ConflictError`. In a
   * connected cluster exactly one of several concurrent creates wins. In a cut network each side
   * may have a winner, and the result is siblings.
   */
  readonly ifMissing?: boolean | undefined;
  /**
   * Writes only if the key's current `etag` is this one, and otherwise rejects with a
   * `ConflictError`.
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

/** The options of a delete. */
export type DeleteOptions = Pick<PutOptions, 'token' | 'w'> & CallOptions;

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

/** The keys to list, and the options of each request. */
export interface ListOptions extends CallOptions {
  readonly prefix?: string | undefined;
  /** Lists only keys after this one. */
  readonly after?: string | undefined;
  /** Keys per request, 1 to 1000. Default 1000. */
  readonly pageKeys?: number | undefined;
}

interface Shared {
  readonly world: ClientWorld;
  readonly pool: NodePool;
  readonly session: Session;
  /** Runs the updates of one key one after the other. */
  readonly updateQueue: UpdateQueue;
  readonly options: Omit<ClientOptions<unknown>, 'codec'>;
}

/** One update in progress. */
interface Update<T> {
  readonly key: string;
  readonly change: Change<T>;
  readonly options: UpdateOptions<T>;
  readonly untilMs: number;
}

/** A client of a MecDB cluster, for values of type `T`. */
export class MecClient<T = unknown> {
  readonly #shared: Shared;
  readonly #codec: Codec<T>;

  /**
   * Takes the URLs of some nodes, `http://host:port`. Any node serves any key; with several URLs
   * the client can fail over. Throws a `TypeError` if a text is not such a URL.
   */
  constructor(urls: string | readonly string[], options: ClientOptions<T> = {}, shared?: Shared) {
    const { codec = json<T>(), world = systemWorld, ...rest } = options;
    this.#codec = codec;
    this.#shared = shared ?? {
      world,
      pool: new NodePool(typeof urls === 'string' ? [urls] : urls, world),
      session: new Session(world.random),
      updateQueue: new UpdateQueue(world.clock),
      options: rest,
    };
  }

  /** A client for values of another type, which shares nodes, health and session with this one. */
  with<U>(codec: Codec<U>): MecClient<U> {
    return new MecClient([], { codec }, this.#shared);
  }

  /** Reads a key. */
  async get(key: string, options: GetOptions = {}): Promise<Read<T>> {
    const { session } = this.#shared;
    const { r, monotonic = true } = options;
    const asked = session.seen(key);
    const headers: Record<string, string> = {};
    if (monotonic && asked.dots.length > 0) headers['X-Mec-Seen'] = asked.dots.join(', ');
    if (monotonic && asked.gone.length > 0) headers['X-Mec-Gone'] = asked.gone.join(', ');
    const answer = await this.#send({ method: 'GET', path: pathOf(key), query: { r, raw: 'true' }, headers }, options);
    const read = await toRead(answer, this.#codec);
    if (monotonic && read.kind !== 'missing') session.hasRead(key, asked, dotsOf(read));
    else if (monotonic && read.token !== undefined) session.hasMissed(key, asked, read.token);
    return read;
  }

  /**
   * Writes a value. It replaces the values that the token has seen, and becomes a sibling of any
   * others.
   */
  async put(key: string, value: T, options: PutOptions = {}): Promise<Written> {
    const { w, contentType = this.#codec.contentType, contentEncoding, clientId, meta = {}, ttlSeconds } = options;
    const body = this.#encode(value);
    const headers = this.#writeHeaders(options.token);
    headers['Content-Type'] = contentType;
    if (contentEncoding !== undefined) headers['Content-Encoding'] = contentEncoding;
    if (clientId !== undefined) headers['X-Mec-Client-ID'] = clientId;
    headers[options.once === true ? 'Idempotency-Key' : 'X-Mec-Write-ID'] = drawName(this.#shared.world.random);
    if (options.ifMissing === true) headers['If-None-Match'] = '*';
    if (options.ifMatch !== undefined) headers['If-Match'] = options.ifMatch;
    if (ttlSeconds !== undefined) headers['X-Mec-TTL'] = String(ttlSeconds);
    for (const [name, text] of Object.entries(meta)) headers[`X-Mec-Meta-${name}`] = text;
    const answer = await this.#send({ method: 'PUT', path: pathOf(key), query: { w }, headers, body }, options);
    const written = toWritten(answer);
    this.#shared.session.hasWritten(key, written.dot, options.token);
    return written;
  }

  /** Deletes the values that the token has seen; without a token, all that a quorum has now. */
  async delete(key: string, options: DeleteOptions = {}): Promise<Deleted> {
    const call = { query: { w: options.w }, headers: this.#writeHeaders(options.token) };
    const answer = await this.#send({ method: 'DELETE', path: pathOf(key), ...call }, options);
    this.#shared.session.hasWritten(key, answer.headers.get('x-mec-dot') ?? '', options.token);
    return toDeleted(answer);
  }

  /** All keys in order. The next page is fetched when the last has been consumed. */
  async *list(options: ListOptions = {}): AsyncGenerator<string, void, undefined> {
    const { prefix } = options;
    for (let { after } = options; ;) {
      const query = { prefix, after, limit: options.pageKeys ?? MAX_LIST_KEYS };
      const answer = await this.#send({ method: 'GET', path: '/mec', query, headers: {} }, options);
      const page = JSON.parse(new TextDecoder().decode(answer.body)) as { keys: string[]; next?: string | null };
      yield* page.keys;
      if (typeof page.next !== 'string') return;
      after = page.next;
    }
  }

  /**
   * Changes a value without losing concurrent changes: reads, merges siblings, applies `change`,
   * and writes with the token of the read. A concurrent change by another client becomes a sibling,
   * which the next update merges. Updates of one key through one client run one after the other.
   *
   * `change` gets undefined if the key has no value. If it returns undefined, nothing is written.
   * It may be called again if a node refuses the write.
   *
   * Rejects with `mayTakeEffect` set if the outcome is unknown.
   */
  async update(key: string, change: Change<T>, options: UpdateOptions<T>): Promise<Updated<T> | undefined> {
    const { world, updateQueue } = this.#shared;
    const { deadlineMs, signal } = this.#patience(options);
    const untilMs = world.clock.monotonicMs() + deadlineMs;
    return updateQueue.run(key, { untilMs, signal }, () => this.#update({ key, change, options, untilMs }));
  }

  async #update(work: Update<T>): Promise<Updated<T> | undefined> {
    for (let round = 0; ; round++) {
      try {
        return await this.#updateOnce(work);
      } catch (error) {
        // A conflict means that nothing was written, so read, merge and change the current value.
        const isLost = error instanceof ConflictError && !error.mayTakeEffect;
        if (!isLost || round === MAX_UPDATE_ROUNDS - 1) throw error;
        await this.#pause(round, work);
      }
    }
  }

  async #updateOnce({ key, change, options, untilMs }: Update<T>): Promise<Updated<T> | undefined> {
    const { session, world } = this.#shared;
    const read = await this.#readToUpdate(key, options, untilMs);
    const values = valuesOf(read);
    const current = values.length === 0 ? undefined : values.reduce((a, b) => options.merge(a, b));
    const author = { ...session.nextAuthor(key, values.length === 0), nowMicros: world.clock.wallMicros() };
    const value = await change(current, author);
    if (value === undefined) return undefined;
    try {
      const written = await this.put(key, value, { ...options, deadlineMs: this.#leftMs(untilMs), token: read.token });
      return { ...written, value, merged: values.length };
    } catch (error) {
      // The failed write may still appear, with this author's number. No other change may have that
      // number.
      if (!(error instanceof MecClientError) || error.mayTakeEffect) session.giveUpAuthor(key);
      throw error;
    }
  }

  /**
   * Reads, if possible, a state that includes this author's last write. If no node has it, ends the
   * author and reads as a new one.
   */
  async #readToUpdate(key: string, options: GetOptions, untilMs: number): Promise<Read<T>> {
    const { session } = this.#shared;
    const leftMs = this.#leftMs(untilMs);
    if (session.seen(key).dots.length === 0) return this.get(key, { ...options, deadlineMs: leftMs });
    try {
      return await this.get(key, { ...options, deadlineMs: Math.min(leftMs, UPDATE_CATCH_UP_MS) });
    } catch (error) {
      if (!(error instanceof MecClientError) || !error.retriable) throw error;
      if (error.code === 'behind') session.forget(key);
      return this.get(key, { ...options, deadlineMs: this.#leftMs(untilMs) });
    }
  }

  /** The rest of a call's time, at least 1 ms, so that the request itself reports the deadline. */
  #leftMs(untilMs: number): number {
    return Math.max(1, untilMs - this.#shared.world.clock.monotonicMs());
  }

  #pause(round: number, { untilMs, options: { signal } }: Update<T>): Promise<void> {
    const { clock, random } = this.#shared.world;
    const pauseMs = backoff(random, round, CLIENT_BACKOFF);
    return new Promise((resolve, reject) => {
      const onAbort = (): void => {
        timer.cancel();
        reject(signal?.reason);
      };
      const timer = clock.after(Math.min(pauseMs, this.#leftMs(untilMs)), () => {
        signal?.removeEventListener('abort', onAbort);
        resolve();
      });
      signal?.addEventListener('abort', onAbort, { once: true });
    });
  }

  #patience({ deadlineMs, attemptMs, signal }: CallOptions): Patience {
    const { options } = this.#shared;
    return {
      deadlineMs: deadlineMs ?? options.deadlineMs ?? CLIENT_DEADLINE_MS,
      attemptMs: attemptMs ?? options.attemptMs ?? CLIENT_ATTEMPT_MS,
      signal,
    };
  }

  #send(call: Call, options: CallOptions): Promise<DeliveredAnswer> {
    const { world, pool } = this.#shared;
    return deliver(world, pool, { call, patience: this.#patience(options) });
  }

  #writeHeaders(token: Token | undefined): Record<string, string> {
    const { options } = this.#shared;
    const headers: Record<string, string> = {};
    if (token !== undefined) headers['X-Mec-Vclock'] = token;
    if (options.clientId !== undefined) headers['X-Mec-Client-ID'] = options.clientId;
    return headers;
  }

  #encode(value: T): Uint8Array {
    try {
      return this.#codec.encode(value);
    } catch (cause) {
      const reason = cause instanceof Error ? cause.message : String(cause);
      throw clientError('bad-value', { detail: `The codec cannot write the value: ${reason}`, cause });
    }
  }
}

/** Returns the new value for the current one, or undefined to write nothing. */
export type Change<T> = (current: T | undefined, author: Author) => T | undefined | Promise<T | undefined>;

/**
 * The path of a key. The whole key is one segment. URLs drop the segments `.` and `..`, even if
 * they are escaped. Throws `bad-key` if the key has no path.
 */
function pathOf(key: string): string {
  const refuse = (detail: string): MecClientError => clientError('bad-key', { status: 400, detail });
  if (key === '') throw refuse('The key is empty');
  if (key === '.' || key === '..') throw refuse(`The key ${JSON.stringify(key)} cannot be part of a URL`);
  try {
    return `/mec/${encodeURIComponent(key)}`;
  } catch {
    throw refuse('The key is not well-formed Unicode');
  }
}
