/** What a node tells another that wants to catch up. It keeps nothing between pages: the asker says each time what it has. */
import type { SyncLimits } from '../../base/limits.ts';
import type { Replica } from '../../storage/replica.ts';
import type { Page, PageOfAll, Pull, PullAll, SyncItem } from '../../transport/message.ts';

/** The writes that the asker lacks, from the log; or the advice to ask for everything, where the log does not reach back. */
export async function servePull(replica: Replica, { clock: asked }: Pull, limits: SyncLimits): Promise<Page> {
  const clock = replica.durableClock.clone();
  const missing = clock.minus(asked);
  const page = { kind: 'page', actor: replica.actor, clock, isComplete: replica.isComplete } as const;
  if (missing.isEmpty) return { ...page, items: [], rest: 'none' };
  const isCut = !missing.minus(replica.log.cut).equals(missing);
  if (isCut) return { ...page, items: [], rest: 'all' };
  const { dotsByKey, isLast, isWhole } = await replica.log.page(missing, limits.pageDots);
  // Entries were cut while the page was read.
  if (!isWhole) return { ...page, items: [], rest: 'all' };
  const items: SyncItem[] = [];
  let bytes = 0;
  for (const [key, dots] of dotsByKey) {
    if (bytes >= limits.pageBytes) return { ...page, items, rest: 'more' };
    const object = replica.read(key);
    bytes += sizeOf(key, object);
    items.push({ key, object, dots });
  }
  return { ...page, items, rest: isLast ? 'none' : 'more' };
}

/** One page of everything, in key order. The clock is taken before the page is read, so the page knows at least as much. */
export async function servePullAll(replica: Replica, { after }: PullAll, limits: SyncLimits): Promise<PageOfAll> {
  const clock = replica.durableClock.clone();
  const page = { kind: 'page-of-all', clock, isComplete: replica.isComplete } as const;
  const keys = await replica.rows.keysAfter(after, limits.pageDots);
  const items: SyncItem[] = [];
  let bytes = 0;
  for (const key of keys) {
    if (bytes >= limits.pageBytes) return { ...page, items, next: items[items.length - 1]?.key };
    const object = replica.read(key);
    bytes += sizeOf(key, object);
    items.push({ key, object, dots: [] });
  }
  return { ...page, items, next: keys.length < limits.pageDots ? undefined : keys[keys.length - 1] };
}

function sizeOf(key: string, { versions }: SyncItem['object']): number {
  return key.length + versions.reduce((sum, { body }) => sum + body.length, 0);
}
