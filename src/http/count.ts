/** The count of the keys with a prefix, and of their values. */
import type { Clock } from '../base/env.ts';
import { MecError } from '../base/errors.ts';
import type { KeyStore, NodeListOptions } from '../cluster/key-store.ts';
import { MAX_LIST_KEYS } from '../core/limits.ts';

/** The result of a count. */
export interface CountedKeys {
  /** Keys with a value. */
  keys: number;
  /** Keys with several values. */
  siblings: number;
  values: number;
  /** The bytes of all values. */
  bytes: number;
}

/** Which keys to count, and how long. */
export interface CountedRange extends Pick<NodeListOptions, 'prefix' | 'r' | 'caller'> {
  readonly timeoutMs: number;
}

/**
 * Lists all keys with their sizes. So the count is as complete as a listing, and exact if no other
 * client writes. Rejects with `timeout` if it is not done in time.
 */
export async function countKeys(
  store: Pick<KeyStore, 'list'>,
  clock: Pick<Clock, 'monotonicMs'>,
  { timeoutMs, ...asked }: CountedRange,
): Promise<CountedKeys> {
  const endMs = clock.monotonicMs() + timeoutMs;
  const count = { keys: 0, siblings: 0, values: 0, bytes: 0 };
  for (let after: string | undefined; ;) {
    const leftMs = endMs - clock.monotonicMs();
    if (leftMs <= 0) {
      const detail = 'The keys could not be counted in time. Set a longer timeout, or a prefix.';
      throw new MecError('timeout', { detail });
    }
    const range = { ...asked, after, limit: MAX_LIST_KEYS, timeoutMs: leftMs };
    const { sizes = [], next } = await store.list({ ...range, sizes: true });
    for (const { values, bytes } of sizes) {
      count.keys += 1;
      count.siblings += Number(values > 1);
      count.values += values;
      count.bytes += bytes;
    }
    if (next === undefined) return count;
    after = next;
  }
}
