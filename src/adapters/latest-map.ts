/**
 * Keys with a prefix as a map in which a later write replaces an earlier one, as the hosts of the
 * adapters expect it.
 *
 * A plain write would not: without a token it becomes a sibling of the value that is there. A write
 * of this map replaces what a read finds. If two writers do so at the same time, both values stay,
 * and every reader takes the newest. So no reader finds the key empty, or another value each time.
 */
import { type Version, versionsOf } from '../client/answers.ts';
import type { MecClient } from '../client/client.ts';
import { deleteAll, keyGroups, mapLimited } from './key-prefix.ts';

/** A map of texts to values of type `T`. */
export class LatestMap<T> {
  readonly #client: MecClient<T>;
  readonly #prefix: string;

  constructor(client: MecClient<T>, prefix: string) {
    this.#client = client;
    this.#prefix = prefix;
  }

  /** The newest version of a key; undefined if there is none. */
  async get(key: string): Promise<Version<T> | undefined> {
    // Siblings have the same order on every node, the newest first.
    return versionsOf(await this.#client.get(this.#prefix + key))[0];
  }

  /** The newest versions of several keys, in their order. */
  getMany(keys: readonly string[]): Promise<(Version<T> | undefined)[]> {
    return mapLimited(keys, (key) => this.get(key));
  }

  /** Replaces whatever is there. */
  async set(key: string, value: T, ttlSeconds: number | undefined): Promise<void> {
    await this.#client.set(this.#prefix + key, value, { ttlSeconds });
  }

  /** Deletes a key. Resolves with whether it had a value. */
  async delete(key: string): Promise<boolean> {
    return (await this.#client.delete(this.#prefix + key)).found;
  }

  /** The keys that begin with a text, a group at a time. */
  async *keyGroups(start: string): AsyncGenerator<string[]> {
    for await (const keys of keyGroups(this.#client, this.#prefix + start))
      yield keys.map((key) => start + key);
  }

  /** Deletes all keys that begin with a text. */
  clear(start: string): Promise<void> {
    return deleteAll(this.#client, this.#prefix + start);
  }
}
