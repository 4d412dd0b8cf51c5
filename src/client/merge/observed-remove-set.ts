/**
 * A set of texts with removal. Of a concurrent addition and removal the addition stays. An element
 * whose addition was seen and removed does not come back.
 *
 * Right for carts, tags, members and favourites. Wrong if the removal must win, as for revoked
 * rights, and for elements that are not text (use their ID or their JSON). The state has one number
 * for each author that has ever added an element.
 */
import {
  type DottedMap,
  emptyMap,
  mergeMaps,
  payloads,
  putPayload,
  removeKey,
} from './dotted-map.ts';
import type { Author } from './merge.ts';

/** The state of a set. The payload 1 only marks an element as present. */
export type ObservedRemoveSet = DottedMap<1>;

/** A set with removal. */
export const observedRemoveSet = {
  /**
   * The set with an element. To add a present element again is useful: it then survives a
   * concurrent removal.
   */
  add: (state: ObservedRemoveSet | undefined, element: string, author: Author): ObservedRemoveSet =>
    putPayload(state ?? emptyMap<1>(), element, { payload: 1, author }),
  /** The set without an element. */
  remove: (state: ObservedRemoveSet | undefined, element: string): ObservedRemoveSet =>
    removeKey(state ?? emptyMap<1>(), element),
  /** Whether the set has an element. */
  has: (state: ObservedRemoveSet | undefined, element: string): boolean =>
    state !== undefined && payloads(state, element).length > 0,
  /** All elements, sorted. */
  values: (state: ObservedRemoveSet | undefined): string[] =>
    Object.keys(state?.entries ?? {}).sort(),
  merge: mergeMaps<1>,
};
