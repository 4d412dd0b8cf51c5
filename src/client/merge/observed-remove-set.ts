/**
 * A set of texts with removal: of an addition and a removal made at once the addition stays; what
 * was removed by somebody who saw it does not come back.
 *
 * Right for: carts, tags, members, favourites. Wrong for: things where the removal must win
 * (revoked rights), and things that are not text (use their id, or their JSON). The state has one
 * number for each author that ever added something.
 */
import { type DottedMap, emptyMap, mergeMaps, payloads, putPayload, removeKey } from './dotted-map.ts';
import type { Author } from './merge.ts';

/** The elements; 1 stands for "is there". */
export type ObservedRemoveSet = DottedMap<1>;

/** A set with removal. */
export const observedRemoveSet = {
  /** The set with an element. Adding what is there counts: it outlives a removal made at once. */
  add: (state: ObservedRemoveSet | undefined, element: string, author: Author): ObservedRemoveSet =>
    putPayload(state ?? emptyMap<1>(), element, { payload: 1, author }),
  /** The set without an element. */
  remove: (state: ObservedRemoveSet | undefined, element: string): ObservedRemoveSet =>
    removeKey(state ?? emptyMap<1>(), element),
  /** Whether an element is there. */
  has: (state: ObservedRemoveSet | undefined, element: string): boolean =>
    state !== undefined && payloads(state, element).length > 0,
  /** All elements, sorted. */
  values: (state: ObservedRemoveSet | undefined): string[] => Object.keys(state?.entries ?? {}).sort(),
  merge: mergeMaps<1>,
};
