/**
 * Last write wins: one value, and of two written at once the one with the later time stays.
 *
 * Right for: what is replaced as a whole and where losing one of two concurrent changes is no harm:
 * a cached page, a "last seen" time, a status text. Wrong for: anything built up from its earlier
 * value (a cart, a count, a document); the losing change is gone without a trace.
 *
 * A write that knew an earlier one always wins over it, whatever the machines' clocks say: its time is at least that of
 * the earlier one plus one microsecond.
 */
import type { Author, Merge } from './merge.ts';

/** A value and the write that set it. */
export interface Register<V> {
  readonly value: V;
  /** µs since 1970. */
  readonly atMicros: number;
  readonly by: string;
}

function isLater<V>(a: Register<V>, b: Register<V>): boolean {
  if (a.atMicros !== b.atMicros) return a.atMicros > b.atMicros;
  if (a.by !== b.by) return a.by > b.by;
  // One author never writes twice in one microsecond; still, both sides must come to the same.
  return JSON.stringify(a.value) > JSON.stringify(b.value);
}

/** A value where the last write wins. */
export const register = {
  /** The state after a write. */
  set: <V>(state: Register<V> | undefined, value: V, { name, nowMicros }: Author): Register<V> => ({
    value,
    atMicros: Math.max(nowMicros, (state?.atMicros ?? 0) + 1),
    by: name,
  }),
  /** The value. */
  value: <V>(state: Register<V> | undefined): V | undefined => state?.value,
  merge: <V>(a: Register<V>, b: Register<V>): Register<V> => (isLater(a, b) ? a : b),
} satisfies { merge: Merge<Register<unknown>> } & Record<string, unknown>;
