/**
 * The owners that this node may have missed. Records arrive in any order, and a member may come and
 * go while this node hears nothing. If a new member took the place of this node, and an owner then
 * was declared gone, this node may hear of the end first. By all lists that it has had, it owned
 * the partition all the time. But the others have written without it.
 *
 * So the members that ended count here once more. If this node would own a partition even besides
 * all of them, it has owned it all the time: fewer rivals take nothing from it. (The cap of the
 * placement may do so for single partitions. That is not covered.) A member that ended while it
 * joined counts as well: the member that declared it gone may have missed that it was up. It does
 * not count if it says itself that it never was. If the weight or zone of an earlier owner is
 * unknown, it may have owned any partition. For a pending owner, the next owners that ended count
 * in the same way.
 *
 * The ends are forgotten when a majority of the members, those that ended included, has the same
 * list as this node. Any change of owners needs a majority of the owners, so one of that majority
 * would know an owner that this node has missed. It may know it as joining only, so no end is
 * forgotten while a member joins. Until then they are kept on the disk.
 */
import {
  type MemberList,
  type MemberRecord,
  NEVER_UP,
  type PlacementFields,
  toPlaced,
} from '../../core/placement/member-list.ts';
import { placement } from '../../core/placement/placement.ts';

/** By name: the last record of a member, or undefined if its weight or zone is unknown. */
type Ends = Map<string, MemberRecord | undefined>;

/** Whether another member may have been an owner, or a next owner, in place of this node. */
export interface Missed {
  readonly asOwner: (partition: number) => boolean;
  readonly asNextOwner: (partition: number) => boolean;
}

/** The members that may have been owners since this node last had the list of a majority. */
export class MissedOwners {
  readonly #self: string;
  readonly #n: number;
  readonly #ended: Ends = new Map();
  readonly #endedNext: Ends = new Map();
  #version = 0;

  constructor(self: string, n: number) {
    this.#self = self;
    this.#n = n;
  }

  /** Restores a name that was kept for this start, with the record of that name in the list. */
  restore(name: string, record: MemberRecord | undefined): void {
    // The only member of its name that leaves is an owner still.
    const isOwner = record?.state === 'leaving' && record.generation === 1;
    if (!isOwner) this.#ended.set(name, record?.state === 'gone' ? record : undefined);
    this.#endedNext.set(name, isNoNextOwner(record) ? record : undefined);
  }

  /** Grows with every owner that may have been missed. */
  get version(): number {
    return this.#version;
  }

  /** The names of the members that ended. */
  get names(): readonly string[] {
    return [...new Set([...this.#ended.keys(), ...this.#endedNext.keys()])];
  }

  /** Notes a record that has changed the list, which had `known` before. */
  note(record: MemberRecord, known: MemberRecord | undefined): void {
    const { name, generation } = record;
    const isLater = known !== undefined && known.generation < generation;
    // A member of the name has ended of which this list has no record.
    if (generation > (known?.generation ?? 0) + 1) this.#noteBoth(name, undefined);
    if (isLater && known.state !== 'gone') this.#noteBoth(name, known);
    const before = isLater ? undefined : known;
    const isGone = record.state === 'gone' && before?.state !== 'gone';
    if (isGone && !wasNeverUp(record, before)) this.#note(this.#ended, name, record);
    if (isNoNextOwner(record) && !isNoNextOwner(before)) this.#note(this.#endedNext, name, record);
  }

  #noteBoth(name: string, ended: MemberRecord | undefined): void {
    this.#note(this.#ended, name, ended);
    this.#note(this.#endedNext, name, ended);
  }

  #note(ends: Ends, name: string, ended: MemberRecord | undefined): void {
    const isKnown = !ends.has(name) || areAlike(ends.get(name), ended);
    ends.set(name, isKnown ? ended : undefined);
    this.#version += 1;
  }

  /** A majority has the same list: no owner is missed. */
  clear(): void {
    this.#ended.clear();
    this.#endedNext.clear();
  }

  /** The partitions of which another member may have been an owner in place of this node. */
  missedOnes(list: MemberList): Missed {
    return {
      asOwner: this.#besides(list.in('up', 'leaving'), this.#ended),
      asNextOwner: this.#besides(list.in('up', 'joining'), this.#endedNext),
    };
  }

  #besides(present: readonly MemberRecord[], ends: Ends): (partition: number) => boolean {
    const others: MemberRecord[] = [];
    for (const [name, ended] of ends) {
      const now = present.find((record) => record.name === name);
      if (ended === undefined || (now !== undefined && !areAlike(now, ended))) return () => true;
      if (now === undefined) others.push(ended);
    }
    if (others.length === 0) return () => false;
    const orders = placement(toPlaced([...present, ...others]), this.#n);
    return (partition) => orders[partition]?.slice(0, this.#n).includes(this.#self) === false;
  }
}

/** Whether a member has ended as a next owner: it does so when it begins to leave. */
const isNoNextOwner = (record: MemberRecord | undefined): boolean =>
  record?.state === 'leaving' || record?.state === 'gone';

/** Whether a member says that it never was up, and this node does not know better. */
const wasNeverUp = ({ settled }: MemberRecord, known: MemberRecord | undefined): boolean =>
  settled === NEVER_UP && (known === undefined || known.state === 'joining');

function areAlike(a: PlacementFields | undefined, b: PlacementFields | undefined): boolean {
  return a !== undefined && b !== undefined && a.weight === b.weight && a.zone === b.zone;
}
