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
 * An end counts only for a replica that was complete when this node heard of it. A later filling
 * includes all that was acknowledged before. A member that was leaving at the filling owned the
 * partition with this node as a pending owner. No write was acknowledged without a majority of the
 * next owners, so its end takes nothing from this node either. But the next owners must have stayed
 * the same until then. So that member must say itself that it left for the next placement that this
 * node knows. If it was declared gone, another member may have joined before. A majority of the
 * owners is enough for that, so this node may never have heard of it.
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

/** The end of a member, or of all members of a name. */
interface End {
  /** The last record; undefined if the weight or zone is unknown. */
  readonly record: MemberRecord | undefined;
  /** The version at which this node noted the end. */
  readonly notedAt: number;
  /** The version at which this node noted that the member was no next owner any more. */
  readonly leftAt: number;
}

/** By name. */
type Ends = Map<string, End>;

/** The last time at which a replica of this node was known to be incomplete. */
export interface LastIncomplete {
  /** The version of the missed owners at that time. */
  readonly version: number;
  /** Whether this node was a pending owner at that time. */
  readonly wasPending: boolean;
}

/** A replica that is complete since before the start. */
export const COMPLETE_BEFORE: LastIncomplete = { version: 0, wasPending: false };

/**
 * Whether another member may have been an owner, or a next owner, in place of this node, since its
 * replica was last incomplete.
 */
export interface Missed {
  /** Grows when a majority of the members has the same list. */
  readonly confirmations: number;
  readonly asOwner: (partition: number, since: LastIncomplete) => boolean;
  readonly asNextOwner: (partition: number, since: LastIncomplete) => boolean;
}

/** The members that may have been owners since this node last had the list of a majority. */
export class MissedOwners {
  readonly #self: string;
  readonly #n: number;
  readonly #ended: Ends = new Map();
  readonly #endedNext: Ends = new Map();
  /** The versions at which this node noted that members began to leave. */
  readonly #leftAt = new Map<string, number>();
  #version = 0;
  #confirmations = 0;
  #hasNamesake = false;

  constructor(self: string, n: number) {
    this.#self = self;
    this.#n = n;
  }

  /** Restores a name that was kept for this start, with the record of that name in the list. */
  restore(name: string, record: MemberRecord | undefined): void {
    this.#version = 1;
    const end = { notedAt: 1, leftAt: 1 };
    // The only member of its name that leaves is an owner still.
    const isOwner = record?.state === 'leaving' && record.generation === 1;
    const gone = record?.state === 'gone' ? record : undefined;
    if (!isOwner) this.#ended.set(name, { record: gone, ...end });
    this.#endedNext.set(name, { record: isNoNextOwner(record) ? record : undefined, ...end });
  }

  /** Grows with every owner that may have been missed. */
  get version(): number {
    return this.#version;
  }

  /** The names of the members that ended. */
  get names(): readonly string[] {
    return [...new Set([...this.#ended.keys(), ...this.#endedNext.keys()])];
  }

  /**
   * Notes a record that has changed the list, which had `known` before. `nextHash` is the hash of
   * the next placement by that list.
   */
  note(record: MemberRecord, known: MemberRecord | undefined, nextHash?: number): void {
    const { name, generation } = record;
    const isLater = known !== undefined && known.generation < generation;
    // A member of the name has ended of which this list has no record.
    if (generation > (known?.generation ?? 0) + 1) this.#noteBoth(name, undefined);
    if (isLater && known.state !== 'gone') this.#noteBoth(name, known);
    const before = isLater ? undefined : known;
    const hasLeft = isNoNextOwner(record) && !isNoNextOwner(before);
    const isGone = record.state === 'gone' && before?.state !== 'gone';
    if (hasLeft || (isGone && record.settled !== nextHash)) {
      this.#note(this.#endedNext, name, record);
      this.#leftAt.set(name, this.#version);
    }
    if (isGone && !wasNeverUp(record, before))
      this.#note(this.#ended, name, record, this.#leftAt.get(name));
    if (isGone) this.#leftAt.delete(name);
  }

  /**
   * Notes that another node had the name of this one for a while. It may have owned every partition
   * that this node owned before.
   */
  noteNamesake(): void {
    this.#hasNamesake = true;
    this.#noteBoth(this.#self, undefined);
  }

  /** Whether another node has had the name of this one, in the life of this process. */
  get hasNamesake(): boolean {
    return this.#hasNamesake;
  }

  #noteBoth(name: string, record: MemberRecord | undefined): void {
    this.#leftAt.delete(name);
    this.#note(this.#ended, name, record);
    this.#note(this.#endedNext, name, record);
  }

  #note(ends: Ends, name: string, record: MemberRecord | undefined, leftAt?: number): void {
    this.#version += 1;
    const known = ends.get(name);
    const isKnown = known === undefined || areAlike(known.record, record);
    const notedAt = this.#version;
    const end = { record: isKnown ? record : undefined, notedAt, leftAt: leftAt ?? notedAt };
    ends.set(name, end);
  }

  /** A majority has the same list: no owner is missed. */
  clear(): void {
    this.#confirmations += 1;
    this.#ended.clear();
    this.#endedNext.clear();
  }

  /** The partitions of which another member may have been an owner in place of this node. */
  missedOnes(list: MemberList): Missed {
    const owners = this.#besides(list.in('up', 'leaving'), this.#ended);
    const next = this.#besides(list.in('up', 'joining'), this.#endedNext);
    // Members that join do not own the partition in place of this node yet.
    const up = list.all().filter(({ name, state }) => state === 'up' || name === this.#self);
    const nextBefore = this.#besides(up, this.#endedNext);
    return {
      confirmations: this.#confirmations,
      asOwner: (partition, { version, wasPending }) => {
        const isLater = ({ notedAt, leftAt }: End): boolean =>
          notedAt > version && (!wasPending || leftAt > version);
        if (owners(partition, isLater)) return true;
        return wasPending && nextBefore(partition, ({ notedAt }) => notedAt > version);
      },
      asNextOwner: (partition, { version }) => next(partition, ({ notedAt }) => notedAt > version),
    };
  }

  /** Whether this node lacks a partition if some members that have ended are present as well. */
  #besides(
    present: readonly MemberRecord[],
    ends: Ends,
  ): (partition: number, isCounted: (end: End) => boolean) => boolean {
    const lacking = new Map<string, (partition: number) => boolean>();
    return (partition, isCounted) => {
      const counted = [...ends].filter(([, end]) => isCounted(end));
      const names = counted.map(([name]) => name).join(' ');
      const known = lacking.get(names);
      const lacks = known ?? this.#lacking(present, counted);
      if (known === undefined) lacking.set(names, lacks);
      return lacks(partition);
    };
  }

  #lacking(
    present: readonly MemberRecord[],
    ends: readonly (readonly [string, End])[],
  ): (partition: number) => boolean {
    const others: MemberRecord[] = [];
    for (const [name, { record }] of ends) {
      const now = present.find((one) => one.name === name);
      if (record === undefined || (now !== undefined && !areAlike(now, record))) return () => true;
      if (now === undefined) others.push(record);
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
