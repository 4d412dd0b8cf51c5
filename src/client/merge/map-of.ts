/**
 * A map from texts to any of the other types: what is changed at once under one key is merged as
 * its type says; of a change and a removal made at once the change stays.
 *
 * Right for: records with fields of their own kind, a cart with quantities (a map of counters), a
 * document as a map of registers. Wrong for: rules over several keys ("the sum must be 100"), which
 * hold on each side and not after the merge. A change that survives a removal made at once brings
 * along what its author saw under the key.
 */
import { type DottedMap, emptyMap, mergeMaps, payloads, putPayload, removeKey } from './dotted-map.ts';
import type { Author, Merge } from './merge.ts';

/** The entries. */
export type MapOf<V> = DottedMap<V>;

/** What is put under a key, and who does it. */
export interface MapEntry<V> {
  readonly value: V;
  readonly author: Author;
}

/** What can be done with a map of values of one type. */
export interface MapType<V> {
  /** The value of a key. */
  readonly get: (state: MapOf<V> | undefined, key: string) => V | undefined;
  /** The map with a value. To change one, make it of what `get` gives, with the same author. */
  readonly set: (state: MapOf<V> | undefined, key: string, entry: MapEntry<V>) => MapOf<V>;
  /** The map without a key. */
  readonly remove: (state: MapOf<V> | undefined, key: string) => MapOf<V>;
  /** All keys, sorted. */
  readonly keys: (state: MapOf<V> | undefined) => string[];
  readonly merge: Merge<MapOf<V>>;
}

/** The map type of values that merge like this: `mapOf(plusMinusCounter)`. */
export function mapOf<V>({ merge }: { readonly merge: Merge<V> }): MapType<V> {
  return {
    get: (state, key) => {
      const values = state === undefined ? [] : payloads(state, key);
      return values.length === 0 ? undefined : values.reduce((a, b) => merge(a, b));
    },
    set: (state = emptyMap(), key, { value, author }) => putPayload(state, key, { payload: value, author }),
    remove: (state = emptyMap(), key) => removeKey(state, key),
    keys: (state) => Object.keys(state?.entries ?? {}).sort(),
    merge: mergeMaps,
  };
}
