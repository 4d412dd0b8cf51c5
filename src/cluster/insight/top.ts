/** The keys at the top of a cluster: hot ones, large ones, and those with the most siblings. */
import type { Clock } from '../../base/env.ts';
import type { ObjectVersion } from '../../core/causality/object.ts';
import { HotKeys } from './hot-keys.ts';
import { isTable, listOf, numberOf, textOf } from './json.ts';
import { LargestKeys } from './largest-keys.ts';
import { HALVING_MS, MAX_TOP_KEY_CHARS, MAX_TOP_KEYS } from './limits.ts';

/** The orders of the top keys. */
export const TOP_ORDERS = ['reads', 'writes', 'bytes', 'siblings'] as const;

/** An order of the top keys. */
export type TopOrder = (typeof TOP_ORDERS)[number];

/** A key at the top, with its number of operations, bytes or versions. */
export interface TopKey {
  readonly key: string;
  readonly value: number;
  /** Of reads and writes: the value may be too large by this. */
  readonly error?: number | undefined;
}

/** The keys at the top of the replicas and clients of one node. */
export class TopKeys {
  readonly #reads: HotKeys;
  readonly #writes: HotKeys;
  readonly #bytes = new LargestKeys();
  readonly #siblings = new LargestKeys();

  constructor(clock: Pick<Clock, 'monotonicMs'>) {
    this.#reads = new HotKeys(clock);
    this.#writes = new HotKeys(clock);
  }

  noteRead(key: string): void {
    this.#reads.note(key);
  }

  noteWrite(key: string): void {
    this.#writes.note(key);
  }

  /** Notes the present versions of a key. */
  noteVersions(key: string, versions: readonly ObjectVersion<Uint8Array>[]): void {
    let bytes = 0;
    for (const { body } of versions) bytes += body.length;
    this.#bytes.note(key, bytes);
    this.#siblings.note(key, versions.length > 1 ? versions.length : 0);
  }

  /** The most siblings of one key; 0 if no key has any, or none has been read since the start. */
  get mostSiblings(): number {
    return this.#siblings.most;
  }

  /** The keys at the top of this node. */
  by(order: TopOrder): TopKey[] {
    if (order === 'bytes') return this.#bytes.top;
    if (order === 'siblings') return this.#siblings.top;
    const { top } = order === 'reads' ? this.#reads : this.#writes;
    return top.map(({ key, count, error }) => ({ key, value: count, error }));
  }
}

/** The keys at the top of all nodes. */
export interface TopOfAll {
  readonly by: TopOrder;
  readonly keys: readonly TopKey[];
  /** Of reads and writes: counts are halved after each such time. */
  readonly halvedEveryMs?: number | undefined;
  /** The members that have not answered. */
  readonly silent: readonly string[];
}

/**
 * Merges the keys of several nodes. Each node counts its own clients, so operations add up. Sizes
 * are those of replicas, so the largest counts.
 */
export function mergeTops(
  by: TopOrder,
  tops: readonly (readonly TopKey[])[],
  silent: readonly string[],
): TopOfAll {
  const areCounts = by === 'reads' || by === 'writes';
  const merged = new Map<string, TopKey>();
  for (const { key, value, error } of tops.flat()) {
    const known = merged.get(key);
    merged.set(key, {
      key,
      value: areCounts ? (known?.value ?? 0) + value : Math.max(known?.value ?? 0, value),
      error: areCounts ? (known?.error ?? 0) + (error ?? 0) : undefined,
    });
  }
  const keys = [...merged.values()].sort((a, b) => b.value - a.value).slice(0, MAX_TOP_KEYS);
  return { by, keys, halvedEveryMs: areCounts ? HALVING_MS : undefined, silent };
}

/** Reads the answer of a peer; undefined if it is malformed. */
export function readTop(value: unknown): TopKey[] | undefined {
  if (!Array.isArray(value)) return undefined;
  return listOf(value, MAX_TOP_KEYS, (item) => {
    if (!isTable(item)) return undefined;
    const key = textOf(item['key'], MAX_TOP_KEY_CHARS);
    const number = numberOf(item['value']);
    if (key === undefined || number === undefined) return undefined;
    return { key, value: number, error: numberOf(item['error']) };
  });
}
