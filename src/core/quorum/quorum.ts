/** Quorum sizes: what `r` and `w` may be, and what they mean for the replicas that there are. */

/** A quorum as a user writes it: a number from 1, or one of these words. */
export type Quorum = number | 'one' | 'quorum' | 'all';

/** The quorum that a text means (`2`, `one`, `quorum`, `all`), or undefined. */
export function parseQuorum(text: string | number): Quorum | undefined {
  if (text === 'one' || text === 'quorum' || text === 'all') return text;
  const size = typeof text === 'number' ? text : /^[1-9]\d{0,2}$/.test(text) ? Number(text) : NaN;
  return Number.isSafeInteger(size) && size >= 1 ? size : undefined;
}

/** How many of `replicas` replicas a quorum means; never more than there are. */
export function quorumSize(quorum: Quorum, replicas: number): number {
  if (quorum === 'one') return 1;
  if (quorum === 'all') return replicas;
  if (quorum === 'quorum') return Math.floor(replicas / 2) + 1;
  return Math.min(quorum, replicas);
}

/**
 * How many of `replicas` disks at least have each acknowledged write: the least of the majority and of
 * what the configuration and its policies ask for. A replica that has caught up with fewer than
 * `replicas` − this + 1 others may have missed one.
 */
export function leastWriteQuorum(configured: readonly Quorum[], replicas: number): number {
  return Math.min(...[...configured, 'quorum' as const].map((w) => quorumSize(w, replicas)));
}
