/** A dot as text, `<actor>:<counter>`, as in the header `X-Mec-Dot`. */
import type { Dot } from './causal-context.ts';

/** The text of a dot. */
export function formatDot({ actor, counter }: Dot): string {
  return `${actor}:${counter}`;
}

/** The syntax of a dot's text. */
export const DOT_PATTERN = /^([\w.~-]{1,128}):([1-9]\d{0,15})$/;

/** Parses the text of a dot. Returns undefined if it is malformed. */
export function parseDot(text: string): Dot | undefined {
  const match = DOT_PATTERN.exec(text);
  const counter = Number(match?.[2]);
  return match !== null && Number.isSafeInteger(counter)
    ? { actor: match[1] as string, counter }
    : undefined;
}
