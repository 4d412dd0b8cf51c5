/**
 * The keys of a load: their names, and how they are drawn. The same seed draws the same keys for
 * every cluster.
 */

/** The distribution of requests: uniform, or zipfian as in YCSB, with few keys very often. */
export type Distribution = 'uniform' | 'zipfian';

/** YCSB's constant: of 10 000 keys the first gets every tenth request. */
export const ZIPFIAN_THETA = 0.99;

/**
 * Draws numbers, 0 ≤ x < 1. A linear congruential step costs a fraction of a call for random
 * numbers.
 */
export function seededRandom(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return state / 2 ** 32;
  };
}

/**
 * Draws ranks from 0 (the most frequent) below `count`, rank i with a probability proportional to 1
 * / (i + 1)^theta. Source: Gray et al., "Quickly Generating Billion-Record Synthetic Databases"
 * (SIGMOD 1994), as in YCSB.
 */
export function zipfianRanks(
  count: number,
  random: () => number,
  theta = ZIPFIAN_THETA,
): () => number {
  const zeta = (terms: number): number => {
    let sum = 0;
    for (let i = 1; i <= terms; i++) sum += 1 / i ** theta;
    return sum;
  };
  const all = zeta(count);
  const second = 1 + 0.5 ** theta;
  const alpha = 1 / (1 - theta);
  const eta = (1 - (2 / count) ** (1 - theta)) / (1 - zeta(2) / all);
  return () => {
    const u = random();
    if (u * all < 1) return 0;
    if (u * all < second) return 1;
    return Math.min(count - 1, Math.floor(count * (eta * u - eta + 1) ** alpha));
  };
}

/** Draws indexes of keys below `count`. */
export function indexDrawer(distribution: Distribution, count: number, seed: number): () => number {
  const random = seededRandom(seed);
  if (distribution === 'uniform') return () => Math.floor(random() * count);
  const rank = zipfianRanks(count, random);
  // Frequent keys must not be neighbours. A step without a common divisor scatters the ranks over
  // all indexes.
  const step = coprimeStep(count);
  return () => (rank() * step) % count;
}

function coprimeStep(count: number): number {
  const divisor = (a: number, b: number): number => (b === 0 ? a : divisor(b, a % b));
  let step = Math.max(1, Math.floor(count * 0.618));
  while (divisor(step, count) !== 1) step++;
  return step;
}

/** The name of a loaded key. All names have the same length, and so all requests do. */
export const keyName = (prefix: string, index: number): string =>
  `${prefix}${String(index).padStart(7, '0')}`;

/** Names new keys, in no order that a store could make use of. */
export function freshKeys(prefix: string): () => string {
  let counter = 0;
  return () => {
    // An odd multiplier permutes the 32-bit integers.
    const scattered = Math.imul(counter++, 0x9e3779b1) >>> 0;
    return prefix + scattered.toString(36).padStart(7, '0');
  };
}
