/** The keys of a cluster with one prefix, which an adapter has for itself. */
import { MAX_TTL_SECONDS } from '../core/limits.ts';
import { MecClient } from '../client/client.ts';
import type { Codec } from '../client/codec.ts';
import { ADAPTER_CONCURRENCY } from './limits.ts';

/** A client for values of any type, or the URLs of some nodes. */
export type Cluster = Pick<MecClient, 'with'> | string | readonly string[];

/** A client for values of another type, on the same nodes. */
export function clientFor<T>(cluster: Cluster, codec: Codec<T>): MecClient<T> {
  if (typeof cluster === 'string' || Array.isArray(cluster))
    return new MecClient<T>(cluster as string | readonly string[], { codec });
  return (cluster as Pick<MecClient, 'with'>).with(codec);
}

/** The part of a client that finds and deletes keys. It is the same for values of every type. */
export type ListingClient = Pick<MecClient, 'list' | 'delete'>;

/** Calls a function for each item, for a limited number of them at once. Keeps the order. */
export async function mapLimited<T, R>(
  items: readonly T[],
  call: (item: T) => Promise<R>,
): Promise<R[]> {
  const results: R[] = [];
  let next = 0;
  const work = async (): Promise<void> => {
    while (next < items.length) {
      const i = next++;
      results[i] = await call(items[i] as T);
    }
  };
  await Promise.all(Array.from({ length: ADAPTER_CONCURRENCY }, work));
  return results;
}

/** The keys that begin with a prefix, a group at a time, without it. */
export async function* keyGroups(client: ListingClient, prefix: string): AsyncGenerator<string[]> {
  let group: string[] = [];
  for await (const key of client.list({ prefix })) {
    group.push(key.slice(prefix.length));
    if (group.length < ADAPTER_CONCURRENCY) continue;
    yield group;
    group = [];
  }
  if (group.length > 0) yield group;
}

/** Deletes all keys that begin with a prefix. */
export async function deleteAll(client: ListingClient, prefix: string): Promise<void> {
  for await (const keys of keyGroups(client, prefix))
    await mapLimited(keys, (key) => client.delete(prefix + key));
}

/**
 * A time to live in whole seconds, as the cluster has it; undefined if there is none. Part of a
 * second counts as a whole one, so that no value expires early.
 */
export function ttlSecondsOf(ms: number | undefined): number | undefined {
  if (ms === undefined || !(ms > 0)) return undefined;
  return Math.min(Math.ceil(ms / 1000), MAX_TTL_SECONDS);
}
