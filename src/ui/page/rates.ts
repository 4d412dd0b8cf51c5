/** Rates and times over a window, from counts since the start of each node. Pure. */
import type { Pulse, Pulses, Times } from './facts.ts';

/** The groups of operations that the page tells apart. */
const GROUPS = {
  reads: ['get', 'head'],
  writes: ['put', 'post', 'delete'],
  listings: ['list'],
} as const;

/** A group of operations. */
export type Group = keyof typeof GROUPS;

/** The load of one node, or of several, in a window. */
export interface Load {
  /** By group: requests per second. */
  readonly perSecond: Readonly<Record<Group, number>>;
  /** By group: the times that half, and 99 of 100 requests did not exceed; undefined if none. */
  readonly p50: Readonly<Record<Group, number | undefined>>;
  readonly p99: Readonly<Record<Group, number | undefined>>;
  readonly failed: number;
  readonly siblings: number;
}

/** The difference of two pulses of one node; undefined if it has started again between them. */
interface LoadStep {
  readonly seconds: number;
  readonly counts: Readonly<Record<Group, readonly number[]>>;
  readonly failed: number;
  readonly siblings: number;
}

const countsOf = (times: Times | undefined): readonly number[] => times?.counts ?? [];

function stepOf(before: Pulse, after: Pulse, buckets: number): LoadStep | undefined {
  const seconds = (after.atMs - before.atMs) / 1000;
  const grown = (group: Group): number[] =>
    Array.from({ length: buckets }, (_, at) =>
      GROUPS[group].reduce((sum, operation) => {
        const [old, now] = [before, after].map(
          ({ operations }) => countsOf(operations[operation])[at] ?? 0,
        );
        return sum + (now as number) - (old as number);
      }, 0),
    );
  const counts = { reads: grown('reads'), writes: grown('writes'), listings: grown('listings') };
  const isSameLife =
    !Object.values(counts)
      .flat()
      .some((n) => n < 0) && seconds > 0;
  if (!isSameLife) return undefined;
  return {
    seconds,
    counts,
    failed: Math.max(0, after.failed - before.failed),
    siblings: Math.max(0, after.siblingsCreated - before.siblingsCreated),
  };
}

/**
 * The time that a share of requests did not exceed: between the bounds of its bucket, as if the
 * times in a bucket were spread evenly. Undefined if there were no requests.
 */
function quantile(
  counts: readonly number[],
  boundsMs: readonly number[],
  share: number,
): number | undefined {
  const all = counts.reduce((sum, n) => sum + n, 0);
  if (all === 0) return undefined;
  let below = 0;
  for (const [at, n] of counts.entries()) {
    const [from, to] = [boundsMs[at - 1] ?? 0, boundsMs[at]];
    if (below + n >= share * all && n > 0) {
      // The last bucket has no bound.
      return to === undefined ? from : from + ((share * all - below) / n) * (to - from);
    }
    below += n;
  }
  return boundsMs.at(-1);
}

/**
 * The load between two pulses, of all nodes or of one. A node that has not answered both times, or
 * that has started again, does not count.
 */
export function loadOf(before: Pulses, after: Pulses, node?: string): Load {
  const bounds = after.bucketsMs;
  const steps = after.nodes
    .filter(({ name }) => node === undefined || name === node)
    .flatMap((pulse) => {
      const old = before.nodes.find(({ name }) => name === pulse.name);
      return (old && stepOf(old, pulse, bounds.length + 1)) ?? [];
    });
  const sum = (of: (step: LoadStep) => number): number =>
    steps.reduce((total, step) => total + of(step), 0);
  const each = <T>(of: (group: Group) => T): Record<Group, T> => ({
    reads: of('reads'),
    writes: of('writes'),
    listings: of('listings'),
  });
  const all = each((group) =>
    Array.from({ length: bounds.length + 1 }, (_, at) =>
      sum(({ counts }) => counts[group][at] ?? 0),
    ),
  );
  return {
    perSecond: each((group) =>
      sum(({ counts, seconds }) => counts[group].reduce((a, b) => a + b, 0) / seconds),
    ),
    p50: each((group) => quantile(all[group], bounds, 0.5)),
    p99: each((group) => quantile(all[group], bounds, 0.99)),
    failed: sum(({ failed, seconds }) => failed / seconds),
    siblings: sum(({ siblings, seconds }) => siblings / seconds),
  };
}
