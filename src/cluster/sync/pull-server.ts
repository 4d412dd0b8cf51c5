/**
 * Answers to pulls. A node keeps no state between the pages: the request has the clock of the
 * asker.
 */
import type { SyncLimits } from '../limits.ts';
import type { Statement } from '../../core/causality/evidence.ts';
import type { Replica } from '../../storage/replica/replica.ts';
import type { PullReply, SyncItem } from '../../transport/message.ts';

/**
 * Reads the writes that the asker lacks from the log. If the log does not reach back far enough,
 * the reply asks for a snapshot.
 */
export async function servePull(
  replica: Replica,
  { asker, own }: { readonly asker: Statement; readonly own: Statement },
  limits: SyncLimits,
): Promise<PullReply> {
  const statement = { ...own, clock: own.clock.clone() };
  // A closed dot has no entry in any log: it travels with the statement.
  const missing = statement.clock.minus(asker.clock).minus(statement.lost);
  // The memories travel once, with the last page. Without them a statement makes no replica
  // complete.
  const page = { kind: 'page', statement: { ...statement, memories: undefined } } as const;
  if (missing.isEmpty) return { ...page, statement, items: [], rest: 'none' };
  if (missing.intersects(replica.log.cut)) return { ...page, items: [], rest: 'all' };
  const { dotsByKey, isLast, isWhole } = await replica.log.page(missing, limits.pageDots);
  // Entries were cut while the page was read.
  if (!isWhole) return { ...page, items: [], rest: 'all' };
  const items: SyncItem[] = [];
  let bytes = 0;
  for (const [key, dots] of dotsByKey) {
    if (bytes >= limits.pageBytes) return { ...page, items, rest: 'more' };
    const object = replica.read(key);
    // The effect of these dots on the key was lost here. Without them, the asker would take the
    // object for that effect.
    const need = replica.marks.need(key);
    const known =
      need === undefined ? dots : dots.filter(({ actor, counter }) => !need.has(actor, counter));
    if (known.length === 0) continue;
    bytes += object.versions.reduce((sum, { body }) => sum + body.length, key.length);
    items.push({ key, object, dots: known });
  }
  return isLast ? { ...page, statement, items, rest: 'none' } : { ...page, items, rest: 'more' };
}
