/**
 * Counters (Shapiro et al., "A comprehensive study of Convergent and Commutative Replicated Data
 * Types", 2011: G- and PN-Counter). Each author keeps its own count, and the value is the sum, so
 * concurrent increments all count.
 *
 * Right for likes, views, and stock that may be oversold for a moment: every step must count. Wrong
 * for limits that must hold, because two sides of a partition may both see room for one more. Also
 * wrong for numbers that are set, for which there is the register. The state has one number for
 * each author that has ever counted.
 */
import type { Author, Merge } from './merge.ts';

/** By author: the number of its last change to the count, and its share of the sum. */
type Counts = Readonly<Record<string, readonly [change: number, share: number]>>;

/** A count that only grows. */
export interface GrowOnlyCounter {
  readonly plus: Counts;
}

/** A count that can grow and fall. */
export interface PlusMinusCounter extends GrowOnlyCounter {
  readonly minus: Counts;
}

const sum = (counts: Counts): number =>
  Object.values(counts).reduce((total, [, share]) => total + share, 0);

/**
 * Of two shares of one author, the later one includes the earlier. Steps of one change have the
 * same number; then the larger share is the later one, because shares only grow.
 */
const mergeCounts: Merge<Counts> = (a, b) => {
  const merged = new Map(Object.entries(a));
  for (const [name, theirs] of Object.entries(b)) {
    const mine = merged.get(name) ?? theirs;
    merged.set(name, (mine[0] - theirs[0] || mine[1] - theirs[1]) > 0 ? mine : theirs);
  }
  return Object.fromEntries(merged);
};

function addTo(counts: Counts, step: number, { name, number }: Author): Counts {
  if (!(step >= 0) || !Number.isFinite(step))
    throw new RangeError(`a counter cannot grow by ${step}`);
  const share = Object.hasOwn(counts, name) ? (counts[name]?.[1] ?? 0) : 0;
  return { ...counts, [name]: [number, share + step] };
}

/** A counter that only grows. */
export const growOnlyCounter = {
  /** The state, greater by `step`. Throws a `RangeError` if `step` is negative or not finite. */
  add: (state: GrowOnlyCounter | undefined, author: Author, step = 1): GrowOnlyCounter => ({
    plus: addTo(state?.plus ?? {}, step, author),
  }),
  /** The sum of all steps. */
  value: (state: GrowOnlyCounter | undefined): number => sum(state?.plus ?? {}),
  merge: ((a, b) => ({ plus: mergeCounts(a.plus, b.plus) })) satisfies Merge<GrowOnlyCounter>,
};

/** A counter that can grow and fall; a negative step subtracts. */
export const plusMinusCounter = {
  /** The state, changed by `step`. Throws a `RangeError` if `step` is not finite. */
  add: (state: PlusMinusCounter | undefined, author: Author, step = 1): PlusMinusCounter => {
    const { plus, minus } = state ?? { plus: {}, minus: {} };
    return step >= 0
      ? { plus: addTo(plus, step, author), minus }
      : { plus, minus: addTo(minus, -step, author) };
  },
  /** The sum of all steps. */
  value: (state: PlusMinusCounter | undefined): number =>
    sum(state?.plus ?? {}) - sum(state?.minus ?? {}),
  merge: ((a, b) => ({
    plus: mergeCounts(a.plus, b.plus),
    minus: mergeCounts(a.minus, b.minus),
  })) satisfies Merge<PlusMinusCounter>,
};
