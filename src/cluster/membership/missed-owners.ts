/**
 * The owners that this node may have missed. Records arrive in any order, and a member may come and
 * go while this node hears nothing. If a new member took the place of this node, and an owner then
 * was declared gone, this node may hear of the end first. By all lists that it has had, it owned
 * the partition all the time. But the others have written without it.
 *
 * So the owners that ended count here once more. If this node would own a partition even besides
 * all of them, it has owned it all the time: fewer rivals take nothing from it. (The cap of the
 * placement may do so for single partitions. That is not covered.)
 *
 * The ends are forgotten when a majority of the members has the same list as this node. Any change
 * of owners needs a majority of the owners, so one of that majority would know an owner that this
 * node has missed.
 */
import { type MemberList, type MemberRecord, toPlaced } from '../../core/placement/member-list.ts';
import { placement } from '../../core/placement/placement.ts';

/** The members that may have been owners since this node last had the list of a majority. */
export class MissedOwners {
  readonly #self: string;
  readonly #n: number;
  readonly #ended = new Map<string, MemberRecord>();
  #version = 0;

  /** `kept` is the list of this start: the process may have been killed before it knew more. */
  constructor(self: string, n: number, kept: MemberList) {
    this.#self = self;
    this.#n = n;
    for (const record of kept.in('gone')) this.note(record, undefined);
  }

  /** Grows with every owner that may have been missed. */
  get version(): number {
    return this.#version;
  }

  /** Notes a record that has changed the list, which had `known` before. */
  note(record: MemberRecord, known: MemberRecord | undefined): void {
    // A member of the name has ended of which this list has no record.
    const isSkipped = record.generation > (known?.generation ?? 0) + 1;
    const isEnd = record.state === 'gone' && record.settled !== 0 && !isKnownEnd(record, known);
    if (!isEnd && !isSkipped) return;
    this.#ended.set(record.name, record);
    this.#version += 1;
  }

  /** A majority has the same list: no owner is missed. */
  clear(): void {
    this.#ended.clear();
  }

  /** Whether another member may have owned a partition in place of this node. */
  inPlaceOfSelf(list: MemberList): (partition: number) => boolean {
    const present = list.in('up', 'leaving');
    const names = new Set(present.map(({ name }) => name));
    const ended = [...this.#ended.values()].filter(({ name }) => !names.has(name));
    if (ended.length === 0) return () => false;
    const orders = placement(toPlaced([...present, ...ended]), this.#n);
    return (partition) => orders[partition]?.slice(0, this.#n).includes(this.#self) === false;
  }
}

function isKnownEnd({ generation }: MemberRecord, known: MemberRecord | undefined): boolean {
  return known?.state === 'gone' && known.generation === generation && known.settled !== 0;
}
