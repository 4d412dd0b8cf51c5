/** Entity tags (RFC 9110, 8.8.3). */
import { hashText64 } from '../../base/hash.ts';
import type { Dot } from '../causality/causal-context.ts';

/**
 * A strong entity tag: a hash of the set of dots. It identifies exactly these versions,
 * permanently.
 */
export function etagOf(dots: readonly Dot[]): string {
  const names = dots.map(({ actor, counter }) => `${actor}:${counter}`).sort();
  return `"${hashText64(names.join(' ')).toString(16).padStart(16, '0')}"`;
}
