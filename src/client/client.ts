/**
 * The client with all calls. Calls with many keys, listings and counts are here, and `KeyClient` is
 * without them: they are a sixth of the client in a web page.
 */
import { MAX_LIST_KEYS } from '../core/limits.ts';
import { type Read, toRead, type Written } from './answers.ts';
import type { ClientAnswer, ClientRequest } from './attempt.ts';
import { type BatchParts, resultsByKey, runBatch, toValueFields } from './batch.ts';
import type { Codec } from './codec.ts';
import { KeyClient } from './key-client.ts';
import { assertKnown } from './known-options.ts';
import { CLIENT_BATCH_ATTEMPT_MS, MAX_BATCH_OPERATIONS } from './limits.ts';
import { type KeyCount, toCount, toPage } from './listing.ts';
import type { CallOptions, CountOptions, GetOptions, ListOptions, SetOptions } from './options.ts';
import { type SeenOfKey, seenHeaders } from './session.ts';

/** A client of a MecDB cluster, for values of type `T`. */
export class MecClient<T = unknown> extends KeyClient<T> {
  override with<U>(codec: Codec<U>): MecClient<U> {
    return new MecClient([], { codec }, this.calls.parts);
  }

  /**
   * Reads many keys in few requests. Rejects with the error of a key, if one cannot be read, and
   * names all such keys in `failedKeys`.
   */
  async getMany(keys: Iterable<string>, options: GetOptions = {}): Promise<Map<string, Read<T>>> {
    assertKnown('getMany', options);
    const { r, monotonic = true } = options;
    const { session } = this.calls.parts;
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
        const read = await toRead(answer, this.calls.codec);
        if (monotonic) session.noteAnswer(distinct[i] as string, asked[i] as SeenOfKey, read);
        return read;
      },
      alone: (i, deadlineMs) => this.calls.get(distinct[i] as string, { ...options, deadlineMs }),
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
        ...this.calls.contentHeaders(options),
        ...toValueFields(this.calls.encode(value)),
      }),
    );
    const results = await runBatch(this.#batchParts(options, keys.length), {
      method: 'PUT',
      lines,
      convert: async (answer, i) => this.calls.noteWritten(keys[i] as string, answer),
      alone: (i, deadlineMs) => {
        const key = keys[i] as string;
        return this.set(key, values.get(key) as T, { ...options, deadlineMs });
      },
    });
    return resultsByKey(keys, results);
  }

  /**
   * Counts keys, their values and bytes. One node does all of it, so it has the whole time of the
   * call, unless `attemptMs` is set.
   */
  async count(options: CountOptions = {}): Promise<KeyCount> {
    assertKnown('count', options);
    const { prefix, r } = options;
    const { deadlineMs } = this.calls.timeLimits(options);
    const query = { prefix, count: 'true', r };
    const call = { method: 'GET', path: '/mec', query, headers: {} } as const;
    return toCount(await this.calls.send(call, { attemptMs: deadlineMs, ...options }));
  }

  /** All keys in order. The next page is fetched when the last has been consumed. */
  async *list(options: ListOptions = {}): AsyncGenerator<string, void, undefined> {
    assertKnown('list', options);
    const { prefix, r, pageKeys: limit = MAX_LIST_KEYS } = options;
    for (let { after } = options; ;) {
      const query = { prefix, after, limit, r };
      const answer = await this.calls.send(
        { method: 'GET', path: '/mec', query, headers: {} },
        options,
      );
      const page = toPage(answer, after);
      yield* page.keys;
      if (page.next === undefined) return;
      after = page.next;
    }
  }

  /** The parts of a client for a batch. Every full batch has the default time of a call. */
  #batchParts(options: CallOptions, count: number): BatchParts {
    const { world } = this.calls.parts;
    const own = this.calls.parts.options.attemptMs;
    const attemptMs = options.attemptMs ?? own ?? CLIENT_BATCH_ATTEMPT_MS;
    const usual = this.calls.timeLimits(options);
    const batches = Math.max(1, Math.ceil(count / MAX_BATCH_OPERATIONS));
    const deadlineMs = options.deadlineMs ?? usual.deadlineMs * batches;
    const send = (call: ClientRequest, leftMs: number): Promise<ClientAnswer> =>
      this.calls.send(call, { ...options, attemptMs, deadlineMs: leftMs });
    return { world, send, deadlineMs, signal: usual.signal };
  }
}
