/**
 * Taking in a snapshot: the objects that a peer had at one moment, and at the end its clock. All
 * versions that are missing in the snapshot, and in that clock, were overwritten or deleted.
 *
 * 1. Each key of the snapshot is merged. Its context has all the bases of the peer's clock.
 * 2. A key here whose context lacks some of these bases is one that the peer does not have. It is
 *    merged with an empty object in the context of the peer's clock. Versions that the peer has
 *    seen are removed, others stay.
 * 3. In the turn in which every key has these bases, the replica adopts the clock.
 *
 * A marked key counts as a key here even if it has no row, because the mark may be all that is left
 * of it.
 *
 * A key that changes after its merge keeps the bases in its context. So only keys that appear
 * meanwhile must be checked again. If the peer or its replica changes before the end, the next page
 * does not come, and the clock is not adopted.
 *
 * The clock decides which keys are removed here, and which later writes are taken for seen. If it
 * names writes of another node that this replica has not seen, that node must confirm that it has
 * made them.
 *
 * A peer that has silently lost its keys, or never had them, looks like one on which they were
 * deleted. So another complete owner must confirm that a key is absent if the sender is no owner,
 * or if the snapshot would remove many keys.
 */
import { MecError } from '../../base/errors.ts';
import type { CausalContext } from '../../core/causality/causal-context.ts';
import type { Statement } from '../../core/causality/evidence.ts';
import { type FilledObject, merge, type ObjectVersion } from '../../core/causality/object.ts';
import type { SyncItem } from '../../transport/message.ts';
import type { ClaimCheck } from './claims.ts';
import {
  ask,
  assertHonest,
  bytesOf,
  FalseClockError,
  mergeAll,
  PeerError,
  type PullContext,
} from './pull.ts';

/** A key that a snapshot would remove here, and the versions that would go. */
export interface Removal {
  readonly key: string;
  readonly versions: readonly ObjectVersion<Uint8Array>[];
}

/** The opening of a snapshot. */
export interface SnapshotOpening {
  readonly statement: Statement;
  /** The dots that the sender has cut from its log. */
  readonly cut: CausalContext;
}

/**
 * Asks other owners to confirm removals. Resolves with false if one objects, or if none can be
 * asked.
 */
export type Witness = (opening: SnapshotOpening, removals: readonly Removal[]) => Promise<boolean>;

/** The questions to other nodes that a snapshot depends on. */
export interface SnapshotChecks {
  /** Whether the sender is an owner of the partition, by the list of this node. */
  readonly isFromOwner: () => boolean;
  readonly isConfirmed: Witness;
  readonly whyFalseClaim: ClaimCheck;
}

/**
 * Takes in a snapshot of a peer. Resolves with its opening, or undefined if this node must try
 * again.
 */
export async function takeSnapshot(
  context: PullContext,
  { isFromOwner, isConfirmed, whyFalseClaim }: SnapshotChecks,
): Promise<SnapshotOpening | undefined> {
  const { replica } = context;
  const { madeCount } = replica.marks;
  const opening = await takePages(context, whyFalseClaim);
  const { statement } = opening;
  await replica.closedDots.close(statement.lost);
  const bases = statement.clock.bases();
  const removed = await removals(context, bases);
  const needsWitness = removed.areMany || (removed.list.length > 0 && !isFromOwner());
  if (needsWitness && !(await isConfirmed(opening, removed.list))) {
    throw new PeerError(
      `the snapshot would remove ${removed.list.length} keys, and no other owner confirms it`,
    );
  }
  // A key may have lost its record here after its page was merged.
  if (replica.marks.madeCount !== madeCount) return undefined;
  return (await adopt(context, statement.clock, bases)) ? opening : undefined;
}

async function takePages(
  context: PullContext,
  whyFalseClaim: ClaimCheck,
): Promise<SnapshotOpening> {
  const { self, replica, floors } = context;
  const { partition, isComplete } = replica;
  const head = {
    kind: 'snapshot',
    from: self,
    partition,
    isComplete,
    floors: floors.names(partition),
  } as const;
  let page = await ask(context, { ...head, id: undefined, after: undefined }, 'snapshot-page');
  const { id, opening } = page;
  if (opening === undefined) throw new PeerError('the first page of a snapshot has no opening');
  assertHonest(context, opening.statement);
  const reason = await whyFalseClaim(opening.statement);
  if (reason !== undefined) throw new FalseClockError(reason);
  for (;;) {
    await mergeAll(replica, page.items);
    context.onPage?.(page.items.length);
    await context.throttle?.(bytesOf(page.items));
    if (page.next === undefined) return opening;
    page = await ask(context, { ...head, id, after: page.next }, 'snapshot-page');
    if (page.id !== id) throw new PeerError('a page of another snapshot has arrived');
  }
}

/** The state of a key that the peer does not have. */
const absent = (bases: CausalContext): FilledObject<Uint8Array> => ({
  versions: [],
  context: bases,
});

/**
 * Finds the keys here that the snapshot would remove. `areMany` says that also the snapshot of an
 * owner needs a witness.
 */
async function removals(
  { replica, limits }: PullContext,
  bases: CausalContext,
): Promise<{ areMany: boolean; list: Removal[] }> {
  const list: Removal[] = [];
  let keys = 0;
  await replica.commits.whenDurable();
  await eachKey(replica, limits.pageDots, async (page) => {
    for (const key of page) {
      const object = replica.read(key);
      keys += Number(object.versions.length > 0);
      if (object.versions.length === 0 || object.context.covers(bases)) continue;
      const left = merge(object, absent(bases)).versions;
      if (left.length > 0) continue;
      list.push({ key, versions: object.versions.filter((version) => !left.includes(version)) });
    }
  });
  return {
    areMany: list.length > limits.removedKeys && list.length > limits.removedShare * keys,
    list,
  };
}

/**
 * Removes the keys that the peer does not have, and adopts the clock when none is left. Resolves
 * with false if too many keys change meanwhile.
 */
async function adopt(
  { replica, limits, onPage }: PullContext,
  clock: CausalContext,
  bases: CausalContext,
): Promise<boolean> {
  const { madeCount } = replica.marks;
  const lacks = (key: string): boolean => !replica.read(key).context.covers(bases);
  const toItem = (key: string): SyncItem => ({ key, object: absent(bases), dots: [] });
  const watch = replica.watches.begin();
  try {
    await replica.commits.whenDurable();
    await eachKey(replica, limits.pageDots, async (page) => {
      await mergeAll(replica, page.filter(lacks).map(toItem));
      onPage?.(0);
    });
    for (let round = 0; round < limits.snapshotRounds; round++) {
      // A mark needs the dots that the clock had when the mark was made. It would miss a deletion
      // that only this snapshot brings.
      const left = [...new Set([...watch.take(), ...replica.marks.keys()])].filter(lacks);
      if (left.length > limits.pageDots) {
        await mergeAll(replica, left.map(toItem));
        continue;
      }
      if (replica.marks.madeCount !== madeCount) return false;
      await new Promise<void>((resolve, reject) => {
        const done = (error?: MecError): void => (error === undefined ? resolve() : reject(error));
        for (const key of left) replica.merge(toItem(key), () => {});
        replica.intake.adopt(clock, done);
      });
      return true;
    }
    return false;
  } finally {
    watch.end();
  }
}

async function eachKey(
  { rows }: PullContext['replica'],
  limit: number,
  visit: (keys: readonly string[]) => Promise<void>,
): Promise<void> {
  for (let after: string | undefined; ;) {
    const keys = await rows.keysAfter(after, limit);
    await visit(keys);
    if (keys.length < limit) return;
    after = keys[keys.length - 1];
  }
}
