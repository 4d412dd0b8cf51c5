/**
 * The client with all calls. Calls with many keys, listings and counts are here, and `KeyClient` is
 * without them: they are a seventh of the client in a web page.
 */
import type { Read, Written } from './answers.ts';
import { ClientBatch } from './batch.ts';
import type { KeyCall } from './calls.ts';
import type { Codec } from './codec.ts';
import { KeyClient } from './key-client.ts';
import {
  assertKnown,
  COUNT_OPTIONS,
  GET_OPTIONS,
  LIST_OPTIONS,
  SET_OPTIONS,
} from './known-options.ts';
import { CLIENT_BATCH_ATTEMPT_MS, MAX_BATCH_OPERATIONS, MAX_LIST_KEYS } from './limits.ts';
import { type KeyCount, toCount, toPage } from './listing.ts';
import type { CallOptions, CountOptions, GetOptions, ListOptions, SetOptions } from './options.ts';

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
    assertKnown(GET_OPTIONS, options);
    return this.#batch(
      [...new Set(keys)].map((key) => this.calls.read(key, options)),
      options,
    );
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
    assertKnown(SET_OPTIONS, options);
    return this.#batch(
      [...new Map(entries)].map(([key, value]) => this.calls.replace(key, value, options)),
      options,
    );
  }

  /**
   * Counts keys, their values and bytes. One node does all of it, so it has the whole time of the
   * call, unless `attemptMs` is set.
   */
  async count(options: CountOptions = {}): Promise<KeyCount> {
    assertKnown(COUNT_OPTIONS, options);
    const { prefix, r } = options;
    const query = { prefix, count: 'true', r };
    const limits = this.calls.timeLimits({ attemptMs: Infinity, ...options });
    return toCount(await this.calls.send({ method: 'GET', path: '/mec', query }, limits));
  }

  /** All keys in order. The next page is fetched when the last has been consumed. */
  async *list(options: ListOptions = {}): AsyncGenerator<string, void, undefined> {
    assertKnown(LIST_OPTIONS, options);
    const { prefix, r, pageKeys: limit = MAX_LIST_KEYS } = options;
    for (let { after } = options; ;) {
      const query = { prefix, after, limit, r };
      const limits = this.calls.timeLimits(options);
      const answer = await this.calls.send({ method: 'GET', path: '/mec', query }, limits);
      const page = toPage(answer, after);
      yield* page.keys;
      if (page.next === undefined) return;
      after = page.next;
    }
  }

  /** Makes many calls. Every full batch has the default time of a call. */
  #batch<Result>(
    calls: readonly KeyCall<Result>[],
    options: CallOptions,
  ): Promise<Map<string, Result>> {
    const limits = this.calls.timeLimits(options, {
      times: Math.ceil(calls.length / MAX_BATCH_OPERATIONS),
      usualAttemptMs: CLIENT_BATCH_ATTEMPT_MS,
    });
    return new ClientBatch<Result>(this.calls, limits).run(calls);
  }
}
