/**
 * A register, in which the last write wins: one value, and of two concurrent ones the later stays.
 *
 * Right for values that are replaced as a whole, if a lost concurrent change does no harm: a cached
 * page, a "last seen" time, a status text. Wrong for values built from earlier ones (a cart, a
 * count, a document): the losing change is gone without a trace.
 *
 * A write always wins over one that its author had seen, even if the clocks of the machines
 * disagree. Its time is at least one microsecond later.
 */
import type { Author, Merge } from './merge.ts';

/** A value, and the write that set it. */
export interface Register<V> {
  readonly value: V;
  /** µs since 1970. */
  readonly atMicros: number;
  readonly by: string;
}

function isLater<V>(a: Register<V>, b: Register<V>): boolean {
  if (a.atMicros !== b.atMicros) return a.atMicros > b.atMicros;
  if (a.by !== b.by) return a.by > b.by;
  // One author never writes twice in a microsecond. The order is still total, so that both sides
  // agree.
  return JSON.stringify(a.value) > JSON.stringify(b.value);
}

/** A value in which the last write wins. */
export const register = {
  /** The state after a write. */
  set: <V>(state: Register<V> | undefined, value: V, { name, nowMicros }: Author): Register<V> => ({
    value,
    atMicros: Math.max(nowMicros, (state?.atMicros ?? 0) + 1),
    by: name,
  }),
  /** The value; undefined if never set. */
  value: <V>(state: Register<V> | undefined): V | undefined => state?.value,
  merge: <V>(a: Register<V>, b: Register<V>): Register<V> => (isLater(a, b) ? a : b),
} satisfies { merge: Merge<Register<unknown>> } & Record<string, unknown>;
