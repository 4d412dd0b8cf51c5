/**
 * A list that texts are appended to, in order of time; what is appended at once all stays, on every
 * reader in one order.
 *
 * Right for: chat, audit trails, comments, an order's history. Wrong for: text that people edit in
 * the middle (that needs a sequence type), and lists without end: the whole list is one value (1
 * MiB by default), so begin a new key per day or page.
 *
 * An entry that was appended by somebody who saw another always stands behind it, whatever the machines' clocks say.
 */
import type { Author } from './merge.ts';

/** One entry. Time and author name it. */
export interface AppendEntry {
  /** µs since 1970; later than all that its author saw. */
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

/** A list that is only appended to. */
export const appendList = {
  /** The list with one more text at its end. */
  append: (state: AppendList | undefined, text: string, { name, nowMicros }: Author): AppendList => {
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
