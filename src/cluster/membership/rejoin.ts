/**
 * The return of a member that was declared gone by mistake. Its root is prepared while no process
 * runs on it, so the member returns in another life and generation. All members take the actors of
 * its former lives for dead, and may have closed their dots.
 */
import { StartError } from '../../base/errors.ts';
import { PARTITIONS } from '../../core/limits.ts';
import { MemberList, type MemberRecord } from '../../core/placement/member-list.ts';
import type { Store } from '../../storage/store.ts';

/**
 * Lets the node of a store join again at its next start, with its data. Its replicas have missed
 * writes, so they count only when they have caught up like those of a new node. Rejects with
 * `StartError` if the store has no data of a member.
 */
export async function prepareRejoin(store: Store, name: string): Promise<void> {
  const records = store.keptMembers();
  const own = records.find((record) => record.name === name);
  if (own === undefined || store.heldReplicas === 0)
    throw new StartError(`The store has no data of a member ${name}; start it on an empty root`);
  for (let partition = 0; partition < PARTITIONS; partition++)
    store.find(partition)?.markComplete(false);
  const list = new MemberList();
  for (const record of records) list.merge(record === own ? successorOf(own) : record);
  let isKept = false;
  const { keptMissedNames: missedNames } = store;
  const kept = { list, n: undefined, marks: undefined, missedNames };
  store.keepMembers(kept, () => (isKept = true));
  await store.whenIdle();
  if (!isKept) throw new StartError('The store cannot be written');
}

/** The record in the next generation. A member that knows this node as up keeps it so. */
const successorOf = (own: MemberRecord): MemberRecord => ({
  ...own,
  state: 'joining',
  generation: own.generation + 1,
  version: 1,
  settled: 0,
});
