/** What a node tells another that wants to catch up. It keeps nothing between pages: the asker says each time what it has. */
import { SYNC_PAGE_BYTES, SYNC_PAGE_DOTS } from '../../base/limits.ts';
import type { Replica } from '../../storage/replica.ts';
import type { Page, PageOfAll, Pull, PullAll, SyncItem } from '../../transport/message.ts';

/** The writes that the asker lacks, from the log; or the advice to ask for everything, where the log does not reach back. */
export async function servePull(replica: Replica, { clock: asked }: Pull): Promise<Page> {
  const clock = replica.durableClock.clone();
  const missing = clock.minus(asked);
  const page = { kind: 'page', actor: replica.actor, clock, isComplete: replica.isComplete } as const;
  if (missing.isEmpty) return { ...page, items: [], rest: 'none' };
  const isCut = !missing.minus(replica.log.cut).equals(missing);
  if (isCut) return { ...page, items: [], rest: 'all' };
  const { dotsByKey, isLast, isWhole } = await replica.log.page(missing, SYNC_PAGE_DOTS);
  // Entries were cut while the page was read.
  if (!isWhole) return { ...page, items: [], rest: 'all' };
  const items: SyncItem[] = [];
  let bytes = 0;
  for (const [key, dots] of dotsByKey) {
    if (bytes >= SYNC_PAGE_BYTES) return { ...page, items, rest: 'more' };
    const object = replica.read(key);
    bytes += key.length + object.versions.reduce((sum, { body }) => sum + body.length, 0);
    items.push({ key, object, dots });
  }
  return { ...page, items, rest: isLast ? 'none' : 'more' };
}

/** One page of everything. The clock is taken before the page is read, so the page knows at least as much. */
export async function servePullAll(replica: Replica, { after }: PullAll): Promise<PageOfAll> {
  const clock = replica.durableClock.clone();
  const { isComplete } = replica;
  const { objects, next } = await replica.page(after, { objects: SYNC_PAGE_DOTS, bytes: SYNC_PAGE_BYTES });
  const items = objects.map(([key, object]): SyncItem => ({ key, object, dots: [] }));
  return { kind: 'page-of-all', clock, isComplete, items, next };
}
