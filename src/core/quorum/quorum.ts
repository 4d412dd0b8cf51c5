/** Quorum sizes: the values of `r` and `w`, and their meaning for a number of replicas. */

/** A quorum as a user writes it: a number from 1, or one of these words. */
export type Quorum = number | 'one' | 'quorum' | 'all';

/**
 * Parses a quorum: `2`, `one`, `quorum` or `all`. Returns undefined if the text is none of them.
 */
export function parseQuorum(text: string | number): Quorum | undefined {
  if (text === 'one' || text === 'quorum' || text === 'all') return text;
  const size = typeof text === 'number' ? text : /^[1-9]\d{0,2}$/.test(text) ? Number(text) : NaN;
  return Number.isSafeInteger(size) && size >= 1 ? size : undefined;
}

/** The number of replicas that a quorum means, at most `replicas`. */
export function quorumSize(quorum: Quorum, replicas: number): number {
  if (quorum === 'one') return 1;
  if (quorum === 'all') return replicas;
  if (quorum === 'quorum') return Math.floor(replicas / 2) + 1;
  return Math.min(quorum, replicas);
}

/**
 * The number of disks that have any acknowledged write: the least of the majority and of all
 * configured values of `w`. A replica that has caught up with fewer than `replicas` − this + 1
 * others may lack an acknowledged write.
 */
export function leastWriteQuorum(configured: readonly Quorum[], replicas: number): number {
  return Math.min(...[...configured, 'quorum' as const].map((w) => quorumSize(w, replicas)));
}
