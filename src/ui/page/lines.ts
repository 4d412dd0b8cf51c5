/** The lines of a text that another text does not have: a difference for people. Pure. */
import { MAX_LINE_PAIRS } from './limits.ts';

/** A line, and whether the other text lacks it. */
export interface MarkedLine {
  readonly text: string;
  readonly isOwn: boolean;
}

const marked = (lines: readonly string[], isOwn: boolean): MarkedLine[] =>
  lines.map((text) => ({ text, isOwn }));

/** The lines of `text`, marked by a longest common subsequence with `other`. */
export function markLines(text: string, other: string): MarkedLine[] {
  const [a, b] = [text.split('\n'), other.split('\n')];
  let start = 0;
  while (start < a.length && start < b.length && a[start] === b[start]) start += 1;
  let end = 0;
  while (
    end < Math.min(a.length, b.length) - start &&
    a[a.length - 1 - end] === b[b.length - 1 - end]
  )
    end += 1;
  const [mine, theirs] = [a.slice(start, a.length - end), b.slice(start, b.length - end)];
  const middle =
    mine.length * theirs.length > MAX_LINE_PAIRS ? marked(mine, true) : markMiddle(mine, theirs);
  return [
    ...marked(a.slice(0, start), false),
    ...middle,
    ...marked(a.slice(a.length - end), false),
  ];
}

function markMiddle(a: readonly string[], b: readonly string[]): MarkedLine[] {
  const width = b.length + 1;
  const longest = new Uint32Array((a.length + 1) * width);
  const at = (i: number, j: number): number => longest[i * width + j] as number;
  for (let i = a.length - 1; i >= 0; i--) {
    for (let j = b.length - 1; j >= 0; j--) {
      longest[i * width + j] =
        a[i] === b[j] ? at(i + 1, j + 1) + 1 : Math.max(at(i + 1, j), at(i, j + 1));
    }
  }
  const result: MarkedLine[] = [];
  let j = 0;
  for (const [i, text] of a.entries()) {
    while (j < b.length && text !== b[j] && at(i, j + 1) > at(i + 1, j)) j += 1;
    const isCommon = j < b.length && text === b[j];
    result.push({ text, isOwn: !isCommon });
    if (isCommon) j += 1;
  }
  return result;
}
