/**
 * `mec-db/unstorage`: a driver for unstorage, which Nitro and Nuxt use. A later write replaces an
 * earlier one, also if two servers write at the same time.
 */
import { bytesToUtf8, utf8ToBytes } from '../base/bytes.ts';
import { microsToDate } from '../base/system.ts';
import { bytes } from '../client/codec.ts';
import { type Cluster, clientFor, ttlSecondsOf } from './key-prefix.ts';
import { LatestMap } from './latest-map.ts';

/** The options of a driver. */
export interface UnstorageOptions {
  /** A client, or the URLs of some nodes. */
  readonly cluster: Cluster;
  /** The beginning of all its keys in the cluster. Default `unstorage/`. */
  readonly prefix?: string | undefined;
  /** The lifetime of a value in seconds, unless the call has one of its own. */
  readonly ttl?: number | undefined;
}

/** The options of one call. */
export interface UnstorageCall {
  /** Seconds. */
  readonly ttl?: number | undefined;
}

/** The metadata of an item. */
export interface UnstorageMeta {
  readonly mtime: ReturnType<typeof microsToDate>;
  readonly size: number;
  readonly etag: string;
  readonly [name: string]: ReturnType<typeof microsToDate> | number | string;
}

/** A driver, with the functions that unstorage calls. */
export interface UnstorageDriver {
  readonly name: string;
  readonly options: UnstorageOptions;
  hasItem(key: string): Promise<boolean>;
  getItem(key: string): Promise<string | null>;
  getItemRaw(key: string): Promise<Uint8Array | null>;
  setItem(key: string, value: string, call?: UnstorageCall): Promise<void>;
  setItemRaw(key: string, value: unknown, call?: UnstorageCall): Promise<void>;
  removeItem(key: string): Promise<void>;
  getMeta(key: string): Promise<UnstorageMeta | null>;
  getKeys(base?: string): Promise<string[]>;
  clear(base?: string): Promise<void>;
}

/** Makes a driver on a cluster. If a call fails, it rejects with a `MecClientError`. */
export function mecDriver(options: UnstorageOptions): UnstorageDriver {
  const { cluster, prefix = 'unstorage/', ttl: defaultTtl } = options;
  const map = new LatestMap(clientFor(cluster, bytes), prefix);
  const set = (
    key: string,
    value: Uint8Array,
    { ttl = defaultTtl }: UnstorageCall = {},
  ): Promise<void> => map.set(key, value, ttlSecondsOf(ttl === undefined ? undefined : 1000 * ttl));
  return {
    name: 'mec-db',
    options,
    hasItem: async (key) => (await map.get(key)) !== undefined,
    getItem: async (key) => {
      const version = await map.get(key);
      return version === undefined ? null : textOf(key, version.value);
    },
    getItemRaw: async (key) => (await map.get(key))?.value ?? null,
    setItem: (key, value, call) => set(key, utf8ToBytes(value), call),
    setItemRaw: (key, value, call) => set(key, bytesOf(value), call),
    removeItem: async (key) => void (await map.delete(key)),
    getMeta: async (key) => {
      const version = await map.get(key);
      if (version === undefined) return null;
      const { timestampMicros, value, etag } = version;
      return { mtime: microsToDate(timestampMicros), size: value.length, etag };
    },
    getKeys: async (base = '') => {
      const keys: string[] = [];
      for await (const group of map.keyGroups(base)) keys.push(...group);
      return keys;
    },
    clear: (base = '') => map.clear(base),
  };
}

export { mecDriver as default };

function textOf(key: string, value: Uint8Array): string {
  const text = bytesToUtf8(value);
  if (text === undefined)
    throw new TypeError(`the item ${JSON.stringify(key)} is not text; read it with getItemRaw`);
  return text;
}

function bytesOf(value: unknown): Uint8Array {
  if (value instanceof Uint8Array) return value;
  if (value instanceof ArrayBuffer) return new Uint8Array(value);
  if (typeof value === 'string') return utf8ToBytes(value);
  throw new TypeError('setItemRaw takes bytes or a text');
}
