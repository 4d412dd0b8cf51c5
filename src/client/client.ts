/**
 * The client: typed reads and writes over HTTP, on any number of nodes. It needs `fetch` and
 * nothing else, so it runs in Node and in browsers.
 *
 * Two things are worth knowing. A read has three outcomes, and the types make you look at all of them: a client that
 * throws siblings away loses writes. And `update` is the way to change a value: it reads, merges what was written at
 * once, changes, and writes with the token of what it read, so that nothing acknowledged is ever overwritten unseen.
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

/** What may be set for a client, and for each call. */
export interface CallOptions {
  /** The longest a call may take, with all its retries, ms. Default 10 000. */
  readonly deadlineMs?: number | undefined;
  /** The longest to wait for one node before another is tried, ms. Default 2 000. */
  readonly attemptMs?: number | undefined;
  /** Ends the call; it rejects with the signal's reason. */
  readonly signal?: AbortSignal | undefined;
}

/** What may be set for a client. */
export interface ClientOptions<T> extends Pick<CallOptions, 'deadlineMs' | 'attemptMs'> {
  /** How values become bytes. Default `json()`. */
  readonly codec?: Codec<T> | undefined;
  /** Recorded with every value written (`X-Mec-Client-ID`), for people to see. */
  readonly clientId?: string | undefined;
  /** Time, randomness and `fetch`; for tests. */
  readonly world?: ClientWorld | undefined;
}

/** What may be set for a read. */
export interface GetOptions extends CallOptions {
  readonly r?: Quorum | undefined;
  /**
   * Whether the answer must know about all that this client has read and written under the key
   * before: a read never goes back in time. Default true; false takes what a quorum has.
   */
  readonly monotonic?: boolean | undefined;
}

/** What may be set for a write. */
export interface PutOptions extends CallOptions {
  /** What this write replaces: the token of a read, or of an earlier write. Without one it replaces nothing. */
  readonly token?: Token | undefined;
  readonly w?: Quorum | undefined;
  /**
   * Writes only if the key has no value, and rejects with a `ConflictError` if it has one. In a
   * connected cluster exactly one of several racing creators wins. Across a cut network each side
   * may have a winner, and the result is siblings.
   */
  readonly ifMissing?: boolean | undefined;
  /**
   * Writes only where the key holds exactly what had this `etag`, and rejects with a
   * `ConflictError` where it does not.
   */
  readonly ifMatch?: string | undefined;
  /**
   * Whether the write must be made once at most, however often it is sent. It then needs a majority
   * of the key's owners, and fails if a cut network leaves none. By default the write is always
   * possible. If it is sent again, two copies may be stored until the next write; readers see one.
   */
  readonly once?: boolean | undefined;
  /** Kept beside the value (`X-Mec-Meta-*`), up to 8 KiB. */
  readonly meta?: Readonly<Record<string, string>> | undefined;
  /** How long the value lives, in whole seconds; without it, for ever (or as the cluster's policy says). */
  readonly ttlSeconds?: number | undefined;
  /** Instead of the codec's. */
  readonly contentType?: string | undefined;
  /**
   * How the bytes that the codec makes are encoded, as `gzip`; see `Version.contentEncoding`. The
   * client does not encode them.
   */
  readonly contentEncoding?: string | undefined;
  /** Instead of the client's. */
  readonly clientId?: string | undefined;
}

/** What may be set for a delete. */
export type DeleteOptions = Pick<PutOptions, 'token' | 'w'> & CallOptions;

/** What may be set for an update. */
export interface UpdateOptions<T> extends CallOptions {
  /**
   * Makes one value of two that had not seen each other. Must be commutative, associative and
   * idempotent; see `mec-db/merge`.
   */
  readonly merge: Merge<T>;
  readonly r?: Quorum | undefined;
  readonly w?: Quorum | undefined;
  /** How long the new value lives, in whole seconds. */
  readonly ttlSeconds?: number | undefined;
}

/** What an update did. */
export interface Updated<T> extends Written {
  readonly value: T;
  /** How many values were merged. */
  readonly merged: number;
}

/** Which keys to list. */
export interface ListOptions extends CallOptions {
  readonly prefix?: string | undefined;
  /** Only keys behind this one. */
  readonly after?: string | undefined;
  /** Keys that are fetched at once, 1 to 1000. Default 1000. */
  readonly pageKeys?: number | undefined;
}

interface Shared {
  readonly world: ClientWorld;
  readonly pool: NodePool;
  readonly session: Session;
  /** Updates of one key follow each other. */
  readonly updateQueue: UpdateQueue;
  readonly options: Omit<ClientOptions<unknown>, 'codec'>;
}

/** One update at work. */
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
   * Takes the URLs of some nodes, `http://host:port`; any node serves any key, and more than one
   * lets the client fail over.
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

  /** The same client (nodes, health, what it has seen) for values of another type. */
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

  /** Writes a value. It replaces what the token has seen; all else is kept beside it. */
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

  /** Deletes what the token has seen; without one, what a quorum holds now. */
  async delete(key: string, options: DeleteOptions = {}): Promise<Deleted> {
    const call = { query: { w: options.w }, headers: this.#writeHeaders(options.token) };
    const answer = await this.#send({ method: 'DELETE', path: pathOf(key), ...call }, options);
    this.#shared.session.hasWritten(key, answer.headers.get('x-mec-dot') ?? '', options.token);
    return toDeleted(answer);
  }

  /** All keys in order, page by page as they are taken. */
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
   * Changes a value without losing a change that another client makes meanwhile: reads, merges
   * siblings, applies `change`, writes with the token of the read. Concurrent changes elsewhere
   * become siblings, which the next update merges. Updates of one key through one client run one
   * after the other. `change` gets undefined if the key has no value, and may be called again if a
   * node refuses the write. If it returns undefined, nothing is written.
   *
   * Rejects with `mayTakeEffect` set if the outcome could not be learnt.
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
        // Refused for certain, so nothing was written: what is there now is read, merged and changed anew.
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
      // This write may come to light later, under this author's next number: the author must not use that number again.
      if (!(error instanceof MecClientError) || error.mayTakeEffect) session.giveUpAuthor(key);
      throw error;
    }
  }

  /**
   * A read that knows this author's last write; where none can be had, the author ends and a new
   * one reads what there is.
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

  /** What is left of a call's time; never nothing, so that the call itself says that it is over. */
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
      throw clientError('bad-value', { detail: `The value cannot be written: ${reason}`, cause });
    }
  }
}

/** Makes the new value of the old one, or undefined to leave it. */
export type Change<T> = (current: T | undefined, author: Author) => T | undefined | Promise<T | undefined>;

/** The whole key is one path segment: URLs take segments of dots out, wherever they stand. */
function pathOf(key: string): string {
  const refuse = (detail: string): MecClientError => clientError('bad-key', { status: 400, detail });
  if (key === '') throw refuse('The key is empty');
  if (key === '.' || key === '..') throw refuse(`The key ${JSON.stringify(key)} cannot be written as a URL`);
  try {
    return `/mec/${encodeURIComponent(key)}`;
  } catch {
    throw refuse('The key is not well-formed Unicode');
  }
}
