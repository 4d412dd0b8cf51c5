/**
 * The client: typed reads and writes over HTTP, on any number of nodes. It needs only `fetch`, so
 * it runs in Node and in browsers.
 *
 * A read has three outcomes, and the types make the caller handle each: a caller that drops
 * siblings loses writes. To change a value, use `update`. It reads, merges siblings, applies the
 * change, and writes with the token of its read. So it never overwrites an acknowledged write
 * unseen.
 */
import type { Deleted, Read, Written } from './answers.ts';
import { ClientCalls, type ClientParts, type KeyCall } from './calls.ts';
import { badParameter } from './client-error.ts';
import { type Codec, json } from './codec.ts';
import {
  assertKnown,
  CLIENT_OPTIONS,
  DELETE_OPTIONS,
  GET_OPTIONS,
  PUT_OPTIONS,
  SET_OPTIONS,
  UPDATE_OPTIONS,
} from './known-options.ts';
import { NodePool } from './node-pool.ts';
import type {
  CallOptions,
  ClientOptions,
  DeleteOptions,
  GetOptions,
  PutOptions,
  SetOptions,
  Updated,
  UpdateOptions,
} from './options.ts';
import { Session } from './session.ts';
import { type Change, Update } from './update.ts';
import { UpdateQueue } from './update-queue.ts';
import { systemWorld } from './world.ts';

/**
 * A client of a MecDB cluster for single keys, with values of type `T`. In a web page it is smaller
 * than `MecClient`, which also lists keys and counts them, and has calls with many keys.
 */
export class KeyClient<T = unknown> {
  protected readonly calls: ClientCalls<T>;

  /**
   * Takes the URLs of some nodes, `http://host:port`. Any node serves any key; with several URLs
   * the client can fail over. Throws a `TypeError` if a text is not such a URL, or if a token would
   * travel in the clear. Throws `bad-parameter` if an option is unknown.
   */
  constructor(
    urls: string | readonly string[],
    options: ClientOptions<T> = {},
    shared?: ClientParts,
  ) {
    assertKnown(CLIENT_OPTIONS, options);
    const { codec = json<T>(), world = systemWorld, token, ...rest } = options;
    const parts = shared ?? {
      world,
      pool: new NodePool(urls, world),
      session: new Session(world.random),
      updateQueue: new UpdateQueue(world.clock),
      authorization: () => token && `Bearer ${token}`,
      options: rest,
    };
    const plain = parts.pool.nodes.find(({ url }) => !url.startsWith('https:'));
    if (token !== undefined && plain !== undefined)
      throw new TypeError(`A token travels over https only, not to ${plain.url}`);
    this.calls = new ClientCalls(parts, codec);
  }

  /** A client for values of another type, which shares nodes, health and session with this one. */
  with<U>(codec: Codec<U>): KeyClient<U> {
    return new KeyClient([], { codec }, this.calls.parts);
  }

  /** Reads a key. */
  async get(key: string, options: GetOptions = {}): Promise<Read<T>> {
    assertKnown(GET_OPTIONS, options);
    return this.#run(this.calls.read(key, options), options);
  }

  /**
   * Writes a value. It replaces the values that the token has seen, and becomes a sibling of any
   * others.
   */
  async put(key: string, value: T, options: PutOptions = {}): Promise<Written> {
    assertKnown(PUT_OPTIONS, options);
    return this.#run(this.calls.write(key, value, options, { w: options.w }), options);
  }

  /**
   * Writes a value over whatever is there: all values that a read with `r` finds. Of concurrent
   * calls each value may stay, as a sibling, until the next call.
   */
  async set(key: string, value: T, options: SetOptions = {}): Promise<Written> {
    assertKnown(SET_OPTIONS, options);
    return this.#run(this.calls.replace(key, value, options), options);
  }

  /**
   * Deletes the values that the token has seen; without a token, all that a read with `r` finds.
   */
  async delete(key: string, options: DeleteOptions = {}): Promise<Deleted> {
    assertKnown(DELETE_OPTIONS, options);
    return this.#run(this.calls.delete(key, options), options);
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
    assertKnown(UPDATE_OPTIONS, options);
    if (typeof options.merge !== 'function') throw badParameter('update needs the option merge');
    const limits = this.calls.timeLimits(options);
    return this.calls.parts.updateQueue.run(key, limits, () =>
      new Update(this.calls, { key, change, options, limits }).run(),
    );
  }

  #run<Result>(call: KeyCall<Result>, options: CallOptions): Promise<Result> {
    return this.calls.run(call, this.calls.timeLimits(options));
  }
}
