/**
 * The numbered lists of the owners. Each list is decided once, by a majority of the voters of the
 * list before it (`list-ballot.ts`). So the owners have one history, and a node can tell by the
 * number that it has missed a part.
 *
 * A change takes two lists. The first one names the next owners, which are filled. All that needs a
 * quorum then needs one of the owners and one of the next owners. The second one makes the next
 * owners the owners. Any request and answer carries its list. A replica with a later list refuses,
 * and a replica with an earlier one takes the list first. So a majority of the owners that has
 * filled the next owners takes no more writes for the list before.
 *
 * A member is a disk under a name. A node that has lost its disk is another member, so no
 * member counts on its votes, writes and data of before.
 */
import { areChanging, type OwnerSets } from '../../src/core/quorum/joint-tally.ts';
import { quorumSize } from '../../src/core/quorum/quorum.ts';

/** An owner of one partition, as a list names it. */
export interface ListedOwner {
  /** The name of a disk. */
  readonly id: string;
  /**
   * The number of the list that named this owner, or next owner. It has been one without a break
   * since. So its replica counts if it was found complete under that list or a later one.
   */
  readonly since: number;
}

/** The owners of each partition. */
export type OwnerTable = readonly (readonly ListedOwner[])[];

/** Computes the owners of each partition, best first, from the members. */
export type Placing = (members: readonly string[]) => readonly (readonly string[])[];

/** One list of the owners. */
export interface OwnerList {
  /** Grows when an operator makes a list without a majority. */
  readonly epoch: number;
  /** The name of the act that has made the epoch, which no other act has. */
  readonly madeBy: string;
  readonly number: number;
  /** The members before the change under way. They decide the next list. */
  readonly voters: readonly string[];
  /** The members after the change; undefined if none is under way. */
  readonly next: readonly string[] | undefined;
  /** Voters that have lost their disk, or were declared gone: no replica waits for their data. */
  readonly lost: readonly string[];
  readonly owners: OwnerTable;
  readonly nextOwners: OwnerTable;
}

/** The first list of a cluster. Its replicas are empty, so they are complete. */
export function firstList(members: readonly string[], place: Placing): OwnerList {
  const owners = tableOf(place(members), 1);
  const list = { epoch: 0, madeBy: '', number: 1, voters: members, next: undefined, lost: [] };
  return { ...list, owners, nextOwners: owners };
}

const tableOf = (placed: readonly (readonly string[])[], since: number): OwnerTable =>
  placed.map((ids) => ids.map((id) => ({ id, since })));

/** Less than 0 if the first list comes before the second, and 0 if they are the same. */
export function compareLists(a: OwnerList, b: OwnerList): number {
  if (a.epoch !== b.epoch) return a.epoch - b.epoch;
  if (a.madeBy !== b.madeBy) return a.madeBy < b.madeBy ? -1 : 1;
  return a.number - b.number;
}

/** All members that a list names. */
export const membersOf = ({ voters, next = [] }: OwnerList): readonly string[] => [
  ...new Set([...voters, ...next]),
];

/** A change of the members. */
export interface ListChange {
  /** The members after the change. If they are the voters, the change under way is given up. */
  readonly next: readonly string[];
  /** The voters that have lost their disk, or were declared gone. */
  readonly lost?: readonly string[];
}

/**
 * The list that begins a change of the members, or replaces the one under way. If another set will
 * own a partition, all of that set must be found complete under the new list, those that own it
 * already included. Otherwise few that stay could lack a write that needed the others.
 */
export function changedList(list: OwnerList, change: ListChange, place: Placing): OwnerList {
  const { next, lost = list.lost } = change;
  const number = list.number + 1;
  const { voters, owners } = list;
  if (isSameSet(next, voters))
    return { ...list, number, next: undefined, lost, nextOwners: owners };
  const placed = place(next);
  const nextOwners = owners.map((before, partition) => {
    const ids = placed[partition] as readonly string[];
    const underWay = list.nextOwners[partition] as readonly ListedOwner[];
    if (isSameSet(ids, before.map(idOf))) return before;
    if (isSameSet(ids, underWay.map(idOf))) return underWay;
    return ids.map((id) => ({ id, since: number }));
  });
  return { ...list, number, next, lost, nextOwners };
}

/** The list that ends a change: the next owners are the owners. */
export function settledList(list: OwnerList): OwnerList {
  const { next = list.voters, nextOwners } = list;
  const number = list.number + 1;
  return { ...list, number, voters: next, next: undefined, lost: [], owners: nextOwners };
}

/**
 * A list that is made without a majority, because the other members never return. No replica counts
 * until it has all that each of the members has.
 */
export function forcedList(
  list: OwnerList,
  { members, madeBy }: { readonly members: readonly string[]; readonly madeBy: string },
  place: Placing,
): OwnerList {
  const number = list.number + 1;
  const owners = tableOf(place(members), number);
  const made = { epoch: list.epoch + 1, madeBy, number, voters: members };
  return { ...made, next: undefined, lost: [], owners, nextOwners: owners };
}

const idOf = ({ id }: ListedOwner): string => id;

const isSameSet = (a: readonly string[], b: readonly string[]): boolean =>
  a.length === b.length && a.every((id) => b.includes(id));

/** The owners and the next owners of a partition. */
export function setsOf(list: OwnerList, partition: number): OwnerSets {
  const [owners = [], nextOwners = []] = [list.owners[partition], list.nextOwners[partition]];
  return { owners: owners.map(idOf), nextOwners: nextOwners.map(idOf) };
}

/** The place of a member among the owners, or the next owners; undefined if it has none. */
export function ownerIn(table: OwnerTable, partition: number, id: string): ListedOwner | undefined {
  return table[partition]?.find((owner) => owner.id === id);
}

/** Whether a replica that was found complete under a list counts in a place. */
export const isCompleteIn = (place: ListedOwner | undefined, completeAt: number): boolean =>
  place !== undefined && completeAt >= place.since;

/**
 * The number of complete owners that must have filled a replica under this list. They include one
 * of every quorum that has acknowledged a write, and one of every majority. If too few are left, a
 * replica is complete when it has been filled by all members, complete or not, that are not lost.
 */
export function sourcesNeeded({ owners }: OwnerList, partition: number, w: number): number {
  const { length } = owners[partition] ?? [];
  return Math.max(quorumSize('quorum', length), length - w + 1);
}

/**
 * Whether the change under way may end: a majority of the next owners of each partition is
 * complete. `isComplete` says so of one replica, and may be out of date, but not by another list.
 */
export function maySettle(
  list: OwnerList,
  isComplete: (partition: number, id: string) => boolean,
): boolean {
  if (list.next === undefined) return false;
  return list.nextOwners.every((next, partition) => {
    if (!areChanging(setsOf(list, partition))) return true;
    const done = next.filter(({ id }) => isComplete(partition, id)).length;
    return done >= quorumSize('quorum', next.length);
  });
}
