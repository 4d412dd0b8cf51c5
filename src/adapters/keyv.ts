/**
 * `mec-db/keyv`: a store for Keyv. A later write replaces an earlier one, also if two processes
 * write at the same time.
 */
import { json } from '../client/codec.ts';
import { type Cluster, clientFor, mapLimited, ttlSecondsOf } from './key-prefix.ts';
import { LatestMap } from './latest-map.ts';

/** The options of a store. */
export interface KeyvStoreOptions {
  /** The beginning of all its keys in the cluster. Default `keyv/`. */
  readonly prefix?: string | undefined;
}

/** An entry of `setMany`. */
export interface KeyvStoreEntry {
  readonly key: string;
  readonly value: unknown;
  /** Milliseconds. */
  readonly ttl?: number | undefined;
}

/** A store for Keyv, on a cluster. If a call fails, it rejects with a `MecClientError`. */
export class KeyvStore {
  readonly #map: LatestMap<unknown>;
  /** Keyv reads these. It knows the stores that it can iterate by their dialect. */
  readonly opts: Record<string, unknown>;
  /**
   * The beginning of the keys of Keyv 5, up to a colon, which sets it. Keyv 6 looks whether the
   * store has this property, and would then pass keys without their beginning.
   */
  declare namespace?: string | undefined;

  /** Takes a client, or the URLs of some nodes. */
  constructor(cluster: Cluster, { prefix = 'keyv/' }: KeyvStoreOptions = {}) {
    this.#map = new LatestMap(clientFor(cluster, json()), prefix);
    this.opts = { dialect: 'mec', url: '', prefix };
  }

  /** The value that Keyv has stored; undefined if there is none. */
  async get<V>(key: string): Promise<V | undefined> {
    return (await this.#map.get(key))?.value as V | undefined;
  }

  /** The values of several keys, in their order. */
  async getMany<V>(keys: string[]): Promise<(V | undefined)[]> {
    const versions = await this.#map.getMany(keys);
    return versions.map((version) => version?.value as V | undefined);
  }

  /**
   * Replaces whatever is there. The cluster removes a value when its time, rounded up to seconds,
   * is over; Keyv itself ends it in time.
   */
  async set(key: string, value: unknown, ttl?: number): Promise<boolean> {
    await this.#map.set(key, value, ttlSecondsOf(ttl));
    return true;
  }

  /** Sets several keys. They are not one transaction. */
  async setMany(entries: KeyvStoreEntry[]): Promise<void> {
    await mapLimited(entries, ({ key, value, ttl }) => this.set(key, value, ttl));
  }

  /** Deletes a key. Resolves with whether it had a value. */
  delete(key: string): Promise<boolean> {
    return this.#map.delete(key);
  }

  /** Deletes several keys. Resolves with whether all of them had a value. */
  async deleteMany(keys: string[]): Promise<boolean> {
    return (await mapLimited(keys, (key) => this.delete(key))).every((found) => found);
  }

  /** Whether a key has a value. */
  async has(key: string): Promise<boolean> {
    return (await this.#map.get(key)) !== undefined;
  }

  /** Whether each of several keys has a value. */
  hasMany(keys: string[]): Promise<boolean[]> {
    return mapLimited(keys, (key) => this.has(key));
  }

  /** Deletes all keys of the namespace; all of the store if it has none. */
  clear(): Promise<void> {
    return this.#map.clear(startOf(this.namespace));
  }

  /** All keys of a namespace with their values. */
  async *iterator<V>(namespace?: string): AsyncGenerator<[string, V], void> {
    for await (const keys of this.#map.keyGroups(startOf(namespace))) {
      const values = await this.getMany<V>(keys);
      for (const [i, key] of keys.entries()) {
        const value = values[i];
        // The key may have been deleted since it was listed.
        if (value !== undefined) yield [key, value];
      }
    }
  }

  /** Does nothing: a failed call rejects, so the store has no events. Keyv calls it for `error`. */
  on(): this {
    return this;
  }
}

const startOf = (namespace: string | undefined): string =>
  namespace === undefined || namespace === '' ? '' : `${namespace}:`;
