/** The count of the keys with a prefix, and of their values. */
import type { Clock } from '../base/env.ts';
import { MecError } from '../base/errors.ts';
import type { KeyStore, NodeListOptions } from '../cluster/key-store.ts';
import { MAX_LIST_KEYS } from '../core/limits.ts';
import { unpackContent } from '../core/value/content.ts';
import { COUNT_CONCURRENCY } from './limits.ts';

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
 * Lists all keys, and reads each. So the count is as complete as a listing, and exact if no other
 * client writes. Rejects with `timeout` if it is not done in time.
 */
export async function countKeys(
  store: Pick<KeyStore, 'list' | 'get'>,
  clock: Pick<Clock, 'monotonicMs'>,
  { timeoutMs, ...asked }: CountedRange,
): Promise<CountedKeys> {
  const endMs = clock.monotonicMs() + timeoutMs;
  const inTime = (): typeof asked & { readonly timeoutMs: number } => {
    const leftMs = endMs - clock.monotonicMs();
    if (leftMs > 0) return { ...asked, timeoutMs: leftMs };
    const detail = 'The keys could not be counted in time. Set a longer timeout, or a prefix.';
    throw new MecError('timeout', { detail });
  };
  const count = { keys: 0, siblings: 0, values: 0, bytes: 0 };
  for (let after: string | undefined; ;) {
    const page = await store.list({ ...inTime(), after, limit: MAX_LIST_KEYS });
    const keys = [...page.keys];
    const lane = async (): Promise<void> => {
      for (let key = keys.pop(); key !== undefined; key = keys.pop()) {
        const { r, caller, timeoutMs: leftMs } = inTime();
        const { versions } = await store.get(key, { r, caller, timeoutMs: leftMs });
        count.keys += Math.min(1, versions.length);
        count.siblings += Number(versions.length > 1);
        count.values += versions.length;
        for (const { body } of versions) count.bytes += unpackContent(body).value.length;
      }
    };
    await Promise.all(Array.from({ length: COUNT_CONCURRENCY }, lane));
    if (page.next === undefined) return count;
    after = page.next;
  }
}
