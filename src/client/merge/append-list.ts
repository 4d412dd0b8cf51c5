/**
 * A list of texts, in order of time, that can only be appended to. Concurrent additions all stay,
 * in the same order for every reader.
 *
 * Right for chat, audit trails, comments and the history of an order. Wrong for text that is edited
 * in the middle, which needs a sequence type. Also wrong for endless lists: the whole list is one
 * value (1 MiB by default), so start a new key for each day or page.
 *
 * If an author saw another entry, its own entry comes after that one, even if the clocks of the
 * machines disagree.
 */
import type { Author } from './merge.ts';

/** One entry. Its time and author identify it. */
export interface AppendEntry {
  /** µs since 1970, and later than all entries that its author saw. */
  readonly atMicros: number;
  readonly by: string;
  readonly text: string;
}

/** The entries in order. */
export type AppendList = readonly AppendEntry[];

const compare = (a: AppendEntry, b: AppendEntry): number =>
  a.atMicros - b.atMicros ||
  (a.by < b.by ? -1 : Number(a.by > b.by)) ||
  (a.text < b.text ? -1 : Number(a.text > b.text));

/** A list that can only be appended to. */
export const appendList = {
  /** The list with one more text at the end. */
  append: (
    state: AppendList | undefined,
    text: string,
    { name, nowMicros }: Author,
  ): AppendList => {
    const list = state ?? [];
    const lastMicros = list[list.length - 1]?.atMicros ?? 0;
    return [...list, { atMicros: Math.max(nowMicros, lastMicros + 1), by: name, text }];
  },
  /** The texts in order. */
  values: (state: AppendList | undefined): string[] => (state ?? []).map(({ text }) => text),
  merge: (a: AppendList, b: AppendList): AppendList => {
    const all = [...a, ...b].sort(compare);
    return all.filter((entry, i) => i === 0 || compare(all[i - 1] as AppendEntry, entry) !== 0);
  },
};
