/**
 * Sets of positive whole numbers, as sorted, disjoint, non-adjacent closed ranges in one flat
 * array: `[1, 5, 8, 8]` is {1, 2, 3, 4, 5, 8}. A gap costs one range, however wide it is.
 */

/** Flat pairs `[from, to, from, to, …]`. */
export type Ranges = number[];

/** The end of the range that starts at 1, or 0: all of 1 … base is in the set. */
export function baseOf(ranges: readonly number[]): number {
  return ranges[0] === 1 ? (ranges[1] as number) : 0;
}

/** The largest member, or 0 if the set is empty. */
export function maxOf(ranges: readonly number[]): number {
  return ranges.length === 0 ? 0 : (ranges[ranges.length - 1] as number);
}

/** Whether `n` is in the set. */
export function hasNumber(ranges: readonly number[], n: number): boolean {
  // Most lookups ask for a recent number, so search from the end.
  for (let i = ranges.length - 2; i >= 0; i -= 2) {
    if (n > (ranges[i + 1] as number)) return false;
    if (n >= (ranges[i] as number)) return true;
  }
  return false;
}

/** Adds one number, in place. */
export function addNumber(ranges: Ranges, n: number): void {
  const last = ranges.length - 1;
  if (last > 0 && n === (ranges[last] as number) + 1) ranges[last] = n;
  else if (last < 0 || n > (ranges[last] as number)) ranges.push(n, n);
  else if (!hasNumber(ranges, n)) {
    const joined = unionRanges(ranges, [n, n]);
    // Spread arguments would overflow the stack: a hostile context may have very many ranges.
    ranges.length = joined.length;
    for (let i = 0; i < joined.length; i++) ranges[i] = joined[i] as number;
  }
}

/** The numbers in `a` or in `b`. */
export function unionRanges(a: readonly number[], b: readonly number[]): Ranges {
  const out: Ranges = [];
  let i = 0;
  let j = 0;
  while (i < a.length || j < b.length) {
    const takeA = j >= b.length || (i < a.length && (a[i] as number) <= (b[j] as number));
    const from = (takeA ? a[i] : b[j]) as number;
    const to = (takeA ? a[i + 1] : b[j + 1]) as number;
    if (takeA) i += 2;
    else j += 2;
    const last = out.length - 1;
    if (last > 0 && from <= (out[last] as number) + 1)
      out[last] = Math.max(out[last] as number, to);
    else out.push(from, to);
  }
  return out;
}

/** The numbers in `a` that are not in `b`. */
export function subtractRanges(a: readonly number[], b: readonly number[]): Ranges {
  const out: Ranges = [];
  let j = 0;
  for (let i = 0; i < a.length; i += 2) {
    let from = a[i] as number;
    const to = a[i + 1] as number;
    while (j < b.length && (b[j + 1] as number) < from) j += 2;
    for (let k = j; k < b.length && (b[k] as number) <= to && from <= to; k += 2) {
      if ((b[k] as number) > from) out.push(from, (b[k] as number) - 1);
      from = (b[k + 1] as number) + 1;
    }
    if (from <= to) out.push(from, to);
  }
  return out;
}

/** Whether any number is in both. */
export function rangesIntersect(a: readonly number[], b: readonly number[]): boolean {
  let j = 0;
  for (let i = 0; i < a.length; i += 2) {
    while (j < b.length && (b[j + 1] as number) < (a[i] as number)) j += 2;
    if (j < b.length && (b[j] as number) <= (a[i + 1] as number)) return true;
  }
  return false;
}

/** Whether every member of `b` is in `a`. */
export function coversRanges(a: readonly number[], b: readonly number[]): boolean {
  let i = 0;
  for (let j = 0; j < b.length; j += 2) {
    while (i < a.length && (a[i + 1] as number) < (b[j] as number)) i += 2;
    if (
      i >= a.length ||
      (a[i] as number) > (b[j] as number) ||
      (a[i + 1] as number) < (b[j + 1] as number)
    )
      return false;
  }
  return true;
}

/** Whether a decoded value is a well-formed list of ranges of positive safe integers. */
export function isRanges(thing: unknown): thing is Ranges {
  if (!Array.isArray(thing) || thing.length % 2 !== 0) return false;
  let before = -1;
  for (let i = 0; i < thing.length; i += 2) {
    const from: unknown = thing[i];
    const to: unknown = thing[i + 1];
    if (!Number.isSafeInteger(from) || !Number.isSafeInteger(to)) return false;
    if ((from as number) < 1 || (from as number) <= before + 1 || (to as number) < (from as number))
      return false;
    before = to as number;
  }
  return true;
}

/** The ranges as text: `1-5,8`. */
export function formatRanges(ranges: readonly number[]): string {
  const parts: string[] = [];
  for (let i = 0; i < ranges.length; i += 2) {
    const from = ranges[i];
    const to = ranges[i + 1];
    parts.push(from === to ? String(from) : `${from}-${to}`);
  }
  return parts.join(',');
}
