/**
 * A map from texts to values of any other type. Concurrent changes of one entry are merged by its
 * type. If an entry is changed and removed concurrently, the change stays.
 *
 * Right for records whose fields have types of their own. Examples are a cart with quantities (a
 * map of counters), and a document as a map of registers. Wrong for rules over several keys ("the
 * sum must be 100"), which hold on each side but not after the merge. A change that survives a
 * concurrent removal brings back all that its author saw in the entry.
 */
import {
  type DottedMap,
  emptyMap,
  mergeMaps,
  payloads,
  putPayload,
  removeKey,
} from './dotted-map.ts';
import type { Author, Merge } from './merge.ts';

/** The state of a map. */
export type MapOf<V> = DottedMap<V>;

/** The new value of an entry, and the author of the change. */
export interface MapEntry<V> {
  readonly value: V;
  readonly author: Author;
}

/** The operations on a map of values of one type. */
export interface MapType<V> {
  /** The value of a key; undefined if absent. */
  readonly get: (state: MapOf<V> | undefined, key: string) => V | undefined;
  /**
   * The map with a value. To change one, derive it from the result of `get`, with the same author.
   */
  readonly set: (state: MapOf<V> | undefined, key: string, entry: MapEntry<V>) => MapOf<V>;
  /** The map without a key. */
  readonly remove: (state: MapOf<V> | undefined, key: string) => MapOf<V>;
  /** All keys, sorted. */
  readonly keys: (state: MapOf<V> | undefined) => string[];
  readonly merge: Merge<MapOf<V>>;
}

/** The type of maps whose values merge like this: `mapOf(plusMinusCounter)`. */
export function mapOf<V>({ merge }: { readonly merge: Merge<V> }): MapType<V> {
  return {
    get: (state, key) => {
      const values = state === undefined ? [] : payloads(state, key);
      return values.length === 0 ? undefined : values.reduce((a, b) => merge(a, b));
    },
    set: (state = emptyMap(), key, { value, author }) =>
      putPayload(state, key, { payload: value, author }),
    remove: (state = emptyMap(), key) => removeKey(state, key),
    keys: (state) => Object.keys(state?.entries ?? {}).sort(),
    merge: mergeMaps,
  };
}
