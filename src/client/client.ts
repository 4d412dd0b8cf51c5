/**
 * The client: typed reads and writes over HTTP, on any number of nodes. It needs only `fetch`, so
 * it runs in Node and in browsers.
 *
 * A read has three outcomes, and the types make the caller handle each: a caller that drops
 * siblings loses writes. To change a value, use `update`. It reads, merges siblings, applies the
 * change, and writes with the token of its read. So it never overwrites an acknowledged write
 * unseen.
 */
import { MAX_LIST_KEYS } from '../core/limits.ts';
import {
  CLIENT_ATTEMPT_MS,
  CLIENT_BATCH_ATTEMPT_MS,
  CLIENT_DEADLINE_MS,
  MAX_BATCH_OPERATIONS,
} from './limits.ts';
import { drawName } from '../core/causality/actor.ts';
import {
  type Deleted,
  type Read,
  toDeleted,
  type Token,
  toRead,
  toWritten,
  type Written,
} from './answers.ts';
import { type BatchParts, resultsByKey, runBatch, toValueFields } from './batch.ts';
import { clientError, type MecClientError } from './client-error.ts';
import { type Codec, json } from './codec.ts';
import type { ClientAnswer, ClientRequest } from './attempt.ts';
import { deliver, type TimeLimits } from './delivery.ts';
import { assertKnown, whyUnknown } from './known-options.ts';
import { type KeyCount, toCount, toPage } from './listing.ts';
import { NodePool } from './node-pool.ts';
import type {
  CallOptions,
  CountOptions,
  ClientOptions,
  DeleteOptions,
  GetOptions,
  ListOptions,
  PutOptions,
  SetOptions,
  Updated,
  UpdateOptions,
} from './options.ts';
import { type SeenOfKey, Session } from './session.ts';
import { type Change, runUpdate } from './update.ts';
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
    const unknown = whyUnknown('client', options);
    if (unknown !== undefined) throw new TypeError(unknown);
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
    assertKnown('get', options);
    return this.#get(key, options);
  }

  async #get(key: string, options: GetOptions): Promise<Read<T>> {
    const { session } = this.#parts;
    const { r, monotonic = true } = options;
    const asked = session.seen(key);
    const headers = monotonic ? seenHeaders(asked) : {};
    const answer = await this.#send(
      { method: 'GET', path: pathOf(key), query: { r, raw: 'true' }, headers },
      options,
    );
    const read = await toRead(answer, this.#codec);
    if (monotonic) session.noteAnswer(key, asked, read);
    return read;
  }

  /**
   * Writes a value. It replaces the values that the token has seen, and becomes a sibling of any
   * others.
   */
  async put(key: string, value: T, options: PutOptions = {}): Promise<Written> {
    assertKnown('put', options);
    return this.#put(key, value, options, { w: options.w });
  }

  /**
   * Writes a value over whatever is there: all values that a read with `r` finds. Of concurrent
   * calls each value may stay, as a sibling, until the next call.
   */
  async set(key: string, value: T, options: SetOptions = {}): Promise<Written> {
    assertKnown('set', options);
    const { r, w } = options;
    return this.#put(key, value, options, { r, w, replace: 'true' });
  }

  async #put(
    key: string,
    value: T,
    options: PutOptions,
    query: ClientRequest['query'],
  ): Promise<Written> {
    const body = this.#encode(value);
    const headers = this.#contentHeaders(options);
    const call = { method: 'PUT', path: pathOf(key), query, headers, body } as const;
    return this.#noteWritten(key, await this.#send(call, options), options.token);
  }

  #noteWritten(key: string, answer: ClientAnswer, token?: Token): Written {
    const written = toWritten(answer);
    this.#parts.session.noteWrite(key, written.dot, token);
    return written;
  }

  #contentHeaders(options: PutOptions): Record<string, string> {
    const {
      contentType = this.#codec.contentType,
      contentEncoding,
      clientId,
      meta = {},
      ttlSeconds,
    } = options;
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
    return headers;
  }

  /**
   * Reads many keys in few requests. Rejects with the error of a key, if one cannot be read, and
   * names all such keys in `failedKeys`.
   */
  async getMany(keys: Iterable<string>, options: GetOptions = {}): Promise<Map<string, Read<T>>> {
    assertKnown('getMany', options);
    const { r, monotonic = true } = options;
    const { session } = this.#parts;
    const distinct = [...new Set(keys)];
    const asked = distinct.map((key) => session.seen(key));
    const lines = distinct.map((key, i) => {
      const headers = monotonic ? seenHeaders(asked[i] as SeenOfKey) : {};
      return JSON.stringify({ op: 'get', key, r, raw: true, ...headers });
    });
    const results = await runBatch(this.#batchParts(options, distinct.length), {
      method: 'GET',
      lines,
      convert: async (answer, i) => {
        const read = await toRead(answer, this.#codec);
        if (monotonic) session.noteAnswer(distinct[i] as string, asked[i] as SeenOfKey, read);
        return read;
      },
      alone: (i, deadlineMs) => this.#get(distinct[i] as string, { ...options, deadlineMs }),
    });
    return resultsByKey(distinct, results);
  }

  /**
   * Writes many values over whatever is there, in few requests: a `set` for each. Rejects with the
   * error of a key, if one was not written, and names all such keys in `failedKeys`. The others are
   * written.
   */
  async setMany(
    entries: Iterable<readonly [key: string, value: T]>,
    options: SetOptions = {},
  ): Promise<Map<string, Written>> {
    assertKnown('setMany', options);
    const { r, w } = options;
    const values = new Map(entries);
    const keys = [...values.keys()];
    const lines = [...values].map(([key, value]) =>
      JSON.stringify({
        op: 'put',
        key,
        r,
        w,
        replace: true,
        ...this.#contentHeaders(options),
        ...toValueFields(this.#encode(value)),
      }),
    );
    const results = await runBatch(this.#batchParts(options, keys.length), {
      method: 'PUT',
      lines,
      convert: async (answer, i) => this.#noteWritten(keys[i] as string, answer),
      alone: (i, deadlineMs) => {
        const key = keys[i] as string;
        return this.set(key, values.get(key) as T, { ...options, deadlineMs });
      },
    });
    return resultsByKey(keys, results);
  }

  /**
   * Deletes the values that the token has seen; without a token, all that a read with `r` finds.
   */
  async delete(key: string, options: DeleteOptions = {}): Promise<Deleted> {
    assertKnown('delete', options);
    const call = {
      query: { r: options.r, w: options.w },
      headers: this.#writeHeaders(options.token),
    };
    const answer = await this.#send({ method: 'DELETE', path: pathOf(key), ...call }, options);
    const { dot, ...deleted } = toDeleted(answer);
    this.#parts.session.noteWrite(key, dot, options.token);
    return deleted;
  }

  /**
   * Counts keys, their values and bytes. One node does all of it, so it has the whole time of the
   * call, unless `attemptMs` is set.
   */
  async count(options: CountOptions = {}): Promise<KeyCount> {
    assertKnown('count', options);
    const { prefix, r } = options;
    const { deadlineMs } = this.#timeLimits(options);
    const query = { prefix, count: 'true', r };
    const call = { method: 'GET', path: '/mec', query, headers: {} } as const;
    return toCount(await this.#send(call, { attemptMs: deadlineMs, ...options }));
  }

  /** All keys in order. The next page is fetched when the last has been consumed. */
  async *list(options: ListOptions = {}): AsyncGenerator<string, void, undefined> {
    assertKnown('list', options);
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
    assertKnown('update', options);
    if (typeof options.merge !== 'function')
      throw clientError('bad-parameter', { status: 400, detail: 'update needs the option merge' });
    const { deadlineMs, signal } = this.#timeLimits(options);
    const parts = {
      ...this.#parts,
      get: (readOptions: GetOptions) => this.#get(key, readOptions),
      put: (value: T, putOptions: PutOptions) =>
        this.#put(key, value, putOptions, { w: putOptions.w }),
    };
    return runUpdate(parts, { key, change, options }, { deadlineMs, signal });
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

  /** The parts of a client for a batch. Every full batch has the default time of a call. */
  #batchParts(options: CallOptions, count: number): BatchParts {
    const { world } = this.#parts;
    const own = this.#parts.options.attemptMs;
    const attemptMs = options.attemptMs ?? own ?? CLIENT_BATCH_ATTEMPT_MS;
    const usual = this.#timeLimits(options);
    const batches = Math.max(1, Math.ceil(count / MAX_BATCH_OPERATIONS));
    const deadlineMs = options.deadlineMs ?? usual.deadlineMs * batches;
    const send = (call: ClientRequest, leftMs: number): Promise<ClientAnswer> =>
      this.#send(call, { ...options, attemptMs, deadlineMs: leftMs });
    return { world, send, deadlineMs, signal: usual.signal };
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

/** The headers with what a read must include. */
function seenHeaders({ dots, gone }: SeenOfKey): Record<string, string> {
  const headers: Record<string, string> = {};
  if (dots.length > 0) headers['X-Mec-Seen'] = dots.join(', ');
  if (gone.length > 0) headers['X-Mec-Gone'] = gone.join(', ');
  return headers;
}

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
