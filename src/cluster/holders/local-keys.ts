/**
 * One node's part of a listing: the next keys of its own replicas, merged from many partitions into
 * one order.
 */
import type { Clock } from '../../base/env.ts';
import { compareUtf8, prefixEnd } from '../../base/bytes.ts';
import { hashText32 } from '../../base/hash.ts';
import { LIST_PAGE_BYTES, LIST_SLICE_KEYS, LIST_SPARE_KEYS } from '../limits.ts';
import type { ObjectVersion } from '../../core/causality/object.ts';
import { FIRST_USER_KEY } from '../../core/value/key.ts';
import { sizeOf } from '../../core/value/key-size.ts';
import type { Replica } from '../../storage/replica/replica.ts';
import type { Store } from '../../storage/store.ts';
import type { Members } from '../membership/members.ts';
import type { Policies } from '../policies.ts';
import type { WallTime } from '../wall-time.ts';
import type { KeyListRequest, KeysFound } from './holder.ts';

/** The parts of a node that its part of a listing needs. */
export interface LocalKeysParts {
  readonly env: { readonly clock: Pick<Clock, 'defer'> };
  readonly members: Pick<Members, 'owners' | 'view'>;
  readonly store: Pick<Store, 'of'>;
  readonly policies: Policies;
  readonly time: Pick<WallTime, 'nowMicros'>;
}

/**
 * Returns the next keys that have a value, each with a hash of its visible versions. Also returns
 * the key up to which the answer is complete.
 */
export async function listKeys(
  parts: LocalKeysParts,
  asked: Omit<KeyListRequest, 'timeoutMs'>,
): Promise<KeysFound> {
  const { env, store, policies, time, members } = parts;
  const complete: Replica[] = [];
  const incomplete: number[] = [];
  const otherOwners: number[] = [];
  for (const { partition, ownersHash } of asked.partitions) {
    const replica = store.of(partition);
    if (members.view(partition).hash !== ownersHash) otherOwners.push(partition);
    else if (replica.isComplete && replica.isWhole) complete.push(replica);
    else incomplete.push(partition);
  }
  const { found, until } = await nextKeys(complete, asked);
  const keys: string[] = [];
  const tags: number[] = [];
  const values: number[] = [];
  const bytes: number[] = [];
  const sizes = asked.sizes === true ? { values, bytes } : {};
  const page = { keys, tags, until, incomplete, otherOwners, ...sizes };
  let pageBytes = 0;
  for (const [i, { key, replica }] of found.entries()) {
    if (pageBytes >= LIST_PAGE_BYTES) return { ...page, until: found[i - 1]?.key };
    // Other requests run in between, so that a long page does not delay them.
    if (i % LIST_SLICE_KEYS === LIST_SLICE_KEYS - 1) await turn(env.clock);
    const { versions } = replica.read(key);
    pageBytes += versions.reduce((sum, { body }) => sum + body.length, key.length);
    const now = (): number => time.nowMicros(members.owners(replica.partition));
    const living = policies.visible(key, versions, now);
    if (living.length === 0) continue;
    keys.push(key);
    tags.push(tagOf(living));
    if (asked.sizes !== true) continue;
    const size = sizeOf(living);
    values.push(size.values);
    bytes.push(size.bytes);
  }
  return page;
}

const turn = (clock: Pick<Clock, 'defer'>): Promise<void> =>
  new Promise((resolve) => clock.defer(resolve));

/** A hash of the versions' dots. Owners with equal tags have the same versions of a key. */
function tagOf(versions: readonly ObjectVersion<Uint8Array>[]): number {
  return hashText32(versions.map(({ actor, counter }) => `${actor}:${counter}`).join(' '));
}

interface FoundKey {
  readonly key: string;
  readonly replica: Replica;
}

/**
 * Returns a few keys of each partition, in one order. They end at `until`, after which a partition
 * may have keys that were not read.
 */
async function nextKeys(
  replicas: readonly Replica[],
  { prefix, after, limit }: Pick<KeyListRequest, 'prefix' | 'after' | 'limit'>,
): Promise<{ found: readonly FoundKey[]; until: string | undefined }> {
  const share = Math.ceil(limit / Math.max(1, replicas.length));
  const perReplica = Math.min(limit, 2 * share + LIST_SPARE_KEYS);
  const first = prefix === '' ? FIRST_USER_KEY : prefix;
  const from = after === undefined || compareUtf8(after, first) < 0 ? first : `${after}\0`;
  const range = { from, to: prefixEnd(prefix), limit: perReplica };
  const all: FoundKey[] = [];
  let until: string | undefined;
  // Many partitions of a small store have never had a key.
  const written = replicas.filter(({ isBlank }) => !isBlank);
  for (const [i, keys] of (
    await Promise.all(written.map(({ rows }) => rows.objectKeys(range)))
  ).entries()) {
    for (const key of keys) all.push({ key, replica: written[i] as Replica });
    const last = keys[keys.length - 1];
    const isFull = keys.length === perReplica && last !== undefined;
    if (isFull && (until === undefined || compareUtf8(last, until) < 0)) until = last;
  }
  const end = until;
  const found = all
    .filter(({ key }) => end === undefined || compareUtf8(key, end) <= 0)
    .sort((a, b) => compareUtf8(a.key, b.key));
  if (found.length <= limit) return { found, until };
  return { found: found.slice(0, limit), until: found[limit - 1]?.key };
}
