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
import {
  type Deleted,
  dotsOf,
  type Read,
  toDeleted,
  type Token,
  toRead,
  toWritten,
  valuesOf,
  type Written,
} from './answers.ts';
import { clientError, ConflictError, MecClientError } from './client-error.ts';
import { type Codec, json } from './codec.ts';
import type { ClientAnswer, ClientRequest } from './attempt.ts';
import { deliver, type TimeLimits } from './delivery.ts';
import type { Author } from './merge/merge.ts';
import { toPage } from './listing.ts';
import { NodePool } from './node-pool.ts';
import type {
  CallOptions,
  ClientOptions,
  DeleteOptions,
  GetOptions,
  ListOptions,
  PutOptions,
  Updated,
  UpdateOptions,
} from './options.ts';
import { Session } from './session.ts';
import { UpdateQueue } from './update-queue.ts';
import { type ClientWorld, systemWorld } from './world.ts';

interface ClientParts {
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
  readonly #parts: ClientParts;
  readonly #codec: Codec<T>;

  /**
   * Takes the URLs of some nodes, `http://host:port`. Any node serves any key; with several URLs
   * the client can fail over. Throws a `TypeError` if a text is not such a URL.
   */
  constructor(
    urls: string | readonly string[],
    options: ClientOptions<T> = {},
    shared?: ClientParts,
  ) {
    const { codec = json<T>(), world = systemWorld, ...rest } = options;
    this.#codec = codec;
    this.#parts = shared ?? {
      world,
      pool: new NodePool(typeof urls === 'string' ? [urls] : urls, world),
      session: new Session(world.random),
      updateQueue: new UpdateQueue(world.clock),
      options: rest,
    };
  }

  /** A client for values of another type, which shares nodes, health and session with this one. */
  with<U>(codec: Codec<U>): MecClient<U> {
    return new MecClient([], { codec }, this.#parts);
  }

  /** Reads a key. */
  async get(key: string, options: GetOptions = {}): Promise<Read<T>> {
    const { session } = this.#parts;
    const { r, monotonic = true } = options;
    const asked = session.seen(key);
    const headers: Record<string, string> = {};
    if (monotonic && asked.dots.length > 0) headers['X-Mec-Seen'] = asked.dots.join(', ');
    if (monotonic && asked.gone.length > 0) headers['X-Mec-Gone'] = asked.gone.join(', ');
    const answer = await this.#send(
      { method: 'GET', path: pathOf(key), query: { r, raw: 'true' }, headers },
      options,
    );
    const read = await toRead(answer, this.#codec);
    if (monotonic && read.kind !== 'missing') session.noteRead(key, asked, dotsOf(read));
    else if (monotonic && read.token !== undefined) session.noteMissing(key, asked, read.token);
    return read;
  }

  /**
   * Writes a value. It replaces the values that the token has seen, and becomes a sibling of any
   * others.
   */
  async put(key: string, value: T, options: PutOptions = {}): Promise<Written> {
    const {
      w,
      contentType = this.#codec.contentType,
      contentEncoding,
      clientId,
      meta = {},
      ttlSeconds,
    } = options;
    const body = this.#encode(value);
    const headers = this.#writeHeaders(options.token);
    headers['Content-Type'] = contentType;
    if (contentEncoding !== undefined) headers['Content-Encoding'] = contentEncoding;
    if (clientId !== undefined) headers['X-Mec-Client-ID'] = clientId;
    headers[options.once === true ? 'Idempotency-Key' : 'X-Mec-Write-ID'] = drawName(
      this.#parts.world.random,
    );
    if (options.ifMissing === true) headers['If-None-Match'] = '*';
    if (options.ifMatch !== undefined) headers['If-Match'] = options.ifMatch;
    if (ttlSeconds !== undefined) headers['X-Mec-TTL'] = String(ttlSeconds);
    for (const [name, text] of Object.entries(meta)) headers[`X-Mec-Meta-${name}`] = text;
    const answer = await this.#send(
      { method: 'PUT', path: pathOf(key), query: { w }, headers, body },
      options,
    );
    const written = toWritten(answer);
    this.#parts.session.noteWrite(key, written.dot, options.token);
    return written;
  }

  /**
   * Deletes the values that the token has seen; without a token, all that a read with `r` finds.
   */
  async delete(key: string, options: DeleteOptions = {}): Promise<Deleted> {
    const call = {
      query: { r: options.r, w: options.w },
      headers: this.#writeHeaders(options.token),
    };
    const answer = await this.#send({ method: 'DELETE', path: pathOf(key), ...call }, options);
    const { dot, ...deleted } = toDeleted(answer);
    this.#parts.session.noteWrite(key, dot, options.token);
    return deleted;
  }

  /** All keys in order. The next page is fetched when the last has been consumed. */
  async *list(options: ListOptions = {}): AsyncGenerator<string, void, undefined> {
    const { prefix, r, pageKeys: limit = MAX_LIST_KEYS } = options;
    for (let { after } = options; ;) {
      const query = { prefix, after, limit, r };
      const answer = await this.#send({ method: 'GET', path: '/mec', query, headers: {} }, options);
      const page = toPage(answer, after);
      yield* page.keys;
      if (page.next === undefined) return;
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
  async update(
    key: string,
    change: Change<T>,
    options: UpdateOptions<T>,
  ): Promise<Updated<T> | undefined> {
    const { world, updateQueue } = this.#parts;
    const { deadlineMs, signal } = this.#timeLimits(options);
    const untilMs = world.clock.monotonicMs() + deadlineMs;
    return updateQueue.run(key, { untilMs, signal }, () =>
      this.#update({ key, change, options, untilMs }),
    );
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
    const { session, world } = this.#parts;
    const read = await this.#readToUpdate(key, options, untilMs);
    const values = valuesOf(read);
    const current = values.length === 0 ? undefined : values.reduce((a, b) => options.merge(a, b));
    const author = {
      ...session.nextAuthor(key, values.length === 0),
      nowMicros: world.clock.wallMicros(),
    };
    const value = await change(current, author);
    if (value === undefined) return undefined;
    try {
      const written = await this.put(key, value, {
        ...options,
        deadlineMs: this.#leftMs(untilMs),
        token: read.token,
      });
      return { ...written, value, merged: values.length };
    } catch (error) {
      // The failed write may still appear, with this author's number. No other change may have that
      // number.
      if (!(error instanceof MecClientError) || error.mayTakeEffect) session.endAuthor(key);
      throw error;
    }
  }

  /**
   * Reads, if possible, a state that includes this author's last write. If no node has it, ends the
   * author and reads as a new one.
   */
  async #readToUpdate(key: string, options: GetOptions, untilMs: number): Promise<Read<T>> {
    const { session } = this.#parts;
    const leftMs = this.#leftMs(untilMs);
    if (session.seen(key).dots.length === 0)
      return this.get(key, { ...options, deadlineMs: leftMs });
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
    return Math.max(1, untilMs - this.#parts.world.clock.monotonicMs());
  }

  #pause(round: number, { untilMs, options: { signal } }: Update<T>): Promise<void> {
    const { clock, random } = this.#parts.world;
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

  #timeLimits({ deadlineMs, attemptMs, signal }: CallOptions): TimeLimits {
    const { options } = this.#parts;
    return {
      deadlineMs: deadlineMs ?? options.deadlineMs ?? CLIENT_DEADLINE_MS,
      attemptMs: attemptMs ?? options.attemptMs ?? CLIENT_ATTEMPT_MS,
      signal,
    };
  }

  #send(call: ClientRequest, options: CallOptions): Promise<ClientAnswer> {
    const { world, pool } = this.#parts;
    return deliver(world, pool, { call, timeLimits: this.#timeLimits(options) });
  }

  #writeHeaders(token: Token | undefined): Record<string, string> {
    const { options } = this.#parts;
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
      throw clientError('bad-value', {
        detail: `The codec cannot write the value: ${reason}`,
        cause,
      });
    }
  }
}

/** Returns the new value for the current one, or undefined to write nothing. */
export type Change<T> = (
  current: T | undefined,
  author: Author,
) => T | undefined | Promise<T | undefined>;

/**
 * The path of a key. The whole key is one segment. URLs drop the segments `.` and `..`, even if
 * they are escaped. Throws `bad-key` if the key has no path.
 */
function pathOf(key: string): string {
  const refuse = (detail: string): MecClientError =>
    clientError('bad-key', { status: 400, detail });
  if (key === '') throw refuse('The key is empty');
  if (key === '.' || key === '..')
    throw refuse(`The key ${JSON.stringify(key)} cannot be part of a URL`);
  try {
    return `/mec/${encodeURIComponent(key)}`;
  } catch {
    throw refuse('The key is not well-formed Unicode');
  }
}
