/**
 * The history of a run, as its users know it: every write, and the writes that its writer had seen.
 * From this follows which writes may be gone, which must be gone, and which must never be siblings,
 * whatever faults the cluster had.
 */
import { parseDot } from '../core/causality/dot.ts';
import type { Dot } from '../core/causality/causal-context.ts';
import { partitionOf } from '../core/placement/partition.ts';
import type { Clocks } from './clocks.ts';

/** A write or delete before it is sent. */
export interface NewOperation {
  readonly key: string;
  readonly isDelete: boolean;
  /** All writes that the writer had seen, with those that their writers had seen. */
  readonly seen: ReadonlySet<number>;
  /**
   * The writes that the writer's token certainly names: those of its last read, or its last write.
   */
  readonly direct: ReadonlySet<number>;
  /**
   * Whether it removes all versions that a quorum sees, whatever its writer has seen: a delete
   * without a token, or a write with `replace`.
   */
  readonly removesAll: boolean;
  /**
   * Whether it has an Idempotency-Key, by which nodes recognise a repeat: it may have several dots.
   */
  readonly isNamed: boolean;
  /** Whether the last write wins under its key. */
  readonly isLastWriteWins: boolean;
  readonly beganMs: number;
}

/** A write or delete of a client. */
export interface MadeOperation extends Omit<NewOperation, 'seen' | 'direct'> {
  readonly id: number;
  /**
   * The writes that it has seen, and those that it directly names. A write that removes all
   * versions sees them when it is made.
   */
  seen: ReadonlySet<number>;
  direct: ReadonlySet<number>;
  /** The time of its first acknowledgement. */
  endedMs: number | undefined;
  /** The time after which it has no more effect; infinite until all its requests were answered. */
  overMs: number;
  /** Whether it was acknowledged, and no loss of disks since may have taken it. */
  isAcknowledged: boolean;
  /** Whether the client was told that nothing was written. */
  isRefused: boolean;
  /** Whether a try before the first acknowledgement had an unknown outcome. */
  isFirstTryUnknown: boolean;
  /** The number of disks, and of disks of owners, that had it when it was acknowledged. */
  strength: Strength;
  /** The number of losses of disks before it began. */
  readonly lossesBefore: number;
  /** The number of dots under which it was seen; and if that is one, the dot. */
  readonly dots: Set<string>;
  onlyDot: Dot | undefined;
  /**
   * The times at which its first and its last version expire, µs since 1970; undefined if none
   * expires, or none was seen.
   */
  expiry: { least: number; most: number } | undefined;
}

/** The least number of disks that have answered, and of those that were disks of owners. */
export interface Strength {
  readonly disks: number;
  readonly owners: number;
}

const NONE: Strength = { disks: 0, owners: 0 };

/** The history of one run. */
export class History {
  /** The keys to which users have written with made-up tokens. */
  readonly forgedKeys = new Set<string>();
  readonly made: MadeOperation[] = [];
  readonly violations: string[] = [];
  /** Whether wall clocks differ or jump: then the last write need not be the one made last. */
  areClocksApart = false;
  readonly #clocks: Pick<Clocks, 'mayBePast' | 'mayLookPast'>;
  readonly #byKey = new Map<string, MadeOperation[]>();
  /** The writes of each key that remove all versions and leave their own. */
  readonly #replacing = new Map<string, MadeOperation[]>();
  readonly #removable = new Set<number>();
  /** For each write that was gone from a replica, the write that was the last reason. */
  readonly #reasons = new Map<number, MadeOperation>();
  /** The write of each name (a dot or a tag), and the name of each kind of a write. */
  readonly #writeOf = new Map<string, number>();
  readonly #nameOf = new Map<string, string>();
  /** By key, the number of events that may make a state wrong that was right before. */
  readonly #revisions = new Map<string, number>();
  #losses = 0;

  constructor(clocks: Pick<Clocks, 'mayBePast' | 'mayLookPast'>) {
    this.#clocks = clocks;
  }

  /** Returns all writes of a key, oldest first. */
  writesOf(key: string): readonly MadeOperation[] {
    return this.#byKey.get(key) ?? [];
  }

  /** Returns a number that grows when a key must be judged again on every disk. */
  revision(key: string): number {
    return this.#revisions.get(key) ?? 0;
  }

  #revise({ key }: Pick<MadeOperation, 'key'>): void {
    this.#revisions.set(key, this.revision(key) + 1);
  }

  /** Records that a client begins a write. */
  begin(operation: NewOperation): MadeOperation {
    const made: MadeOperation = {
      ...operation,
      id: this.made.length,
      endedMs: undefined,
      overMs: Infinity,
      isAcknowledged: false,
      isRefused: false,
      isFirstTryUnknown: false,
      strength: NONE,
      lossesBefore: this.#losses,
      dots: new Set(),
      onlyDot: undefined,
      expiry: undefined,
    };
    this.made.push(made);
    this.#byKey.set(operation.key, [...this.writesOf(operation.key), made]);
    if (made.removesAll && !made.isDelete)
      this.#replacing.set(made.key, [...(this.#replacing.get(made.key) ?? []), made]);
    return made;
  }

  /** Records that a client was told of a write, and the number of disks that have it. */
  acknowledge(
    made: MadeOperation,
    { nowMs, strength }: { readonly nowMs: number; readonly strength: Strength },
  ): void {
    if (made.isRefused)
      this.violate(`the write ${made.id} of ${made.key} is acknowledged, and was refused before`);
    made.endedMs ??= nowMs;
    made.strength = strength;
    this.#revise(made);
    // If few disks have it and one of them was lost meanwhile, perhaps no disk has it now.
    made.isAcknowledged ||= strength.disks > this.#losses - made.lossesBefore;
  }

  /** Records that a write has replaced others, which its quorum has seen. */
  recordSeen(made: MadeOperation, others: readonly MadeOperation[]): void {
    const ids = others.map(({ id }) => id);
    made.direct = new Set([...made.direct, ...ids]);
    made.seen = new Set([...made.seen, ...this.seenWith(ids)]);
    this.#revise(made);
  }

  /** Records that a client was told that nothing was written. */
  refuse(made: MadeOperation): void {
    made.isRefused = true;
    this.#revise(made);
  }

  /**
   * Records that a disk has lost its rows. A write is not promised any more if no more disks have
   * acknowledged it than may be lost at once.
   */
  loseDisk(atOnce: number): void {
    this.#losses += 1;
    for (const made of this.made) if (made.strength.disks <= atOnce) made.isAcknowledged = false;
  }

  violate(text: string): void {
    this.violations.push(text);
  }

  /**
   * Records that a version was seen under a dot, or under the tag of a dot. A dot names one write
   * of its partition for ever, and a write has one dot.
   */
  recordName(
    key: string,
    { kind, name }: { kind: 'dot' | 'tag' | 'acknowledged'; name: string },
    id: number,
  ): void {
    const whole = `${kind} ${name} of partition ${partitionOf(key)}`;
    const other = this.#writeOf.get(whole) ?? id;
    if (other !== id) this.violate(`the ${whole} names the writes ${other} and ${id}`);
    const made = this.made[id];
    if (kind === 'dot' && made?.dots.has(name) === false) {
      made.dots.add(name);
      // If a write has two dots, one version may be gone, and the other not be here yet.
      made.onlyDot = made.dots.size === 1 ? parseDot(name) : undefined;
      this.#revise(made);
    }
    this.#writeOf.set(whole, id);
    if (made?.isNamed === true && kind !== 'acknowledged') return;
    const before = this.#nameOf.get(`${kind} ${id}`) ?? whole;
    // A coordinator that was out of reach may bring the first try after the second was
    // acknowledged. Readers see such twins as one. A write that is not promised any more may be
    // written again, too.
    const areTwins =
      kind === 'acknowledged' &&
      (made?.isFirstTryUnknown === true || made?.isAcknowledged === false);
    if (before !== whole && !areTwins)
      this.violate(`the write ${id} has the ${before} and the ${whole}`);
    this.#nameOf.set(`${kind} ${id}`, whole);
  }

  /** Returns the write of a dot of a key; undefined if no version was seen under it. */
  writeOf(key: string, dot: string): number | undefined {
    return this.#writeOf.get(`dot ${dot} of partition ${partitionOf(key)}`);
  }

  /** Whether a write may be the reason that another is gone. */
  mayRemove(by: MadeOperation, write: MadeOperation): boolean {
    if (by.key !== write.key || by.id === write.id || by.isRefused) return false;
    if (by.seen.has(write.id)) return true;
    const isBefore = by.overMs < write.beganMs;
    if (by.removesAll && !isBefore) return true;
    // The token of its writer may include what an earlier write has replaced, unknown to its users.
    const isAfter = (other: MadeOperation): boolean =>
      by.seen.has(other.id) && other.overMs >= write.beganMs;
    if (this.#replacing.get(by.key)?.some(isAfter) === true) return true;
    return write.isLastWriteWins && (this.areClocksApart || !isBefore);
  }

  /** Whether a write may be gone for any reason. */
  mayBeGone(write: MadeOperation): boolean {
    if (this.#removable.has(write.id)) return true;
    const isSo =
      this.#isExpired(write) || this.writesOf(write.key).some((by) => this.mayRemove(by, write));
    if (isSo) this.#removable.add(write.id);
    return isSo;
  }

  /**
   * Whether a replica with a write in its clock may lack its version. It may, if another write
   * replaced it that leaves no version, or whose effect the replica has (`isKnown`).
   */
  mayBeGoneFrom(write: MadeOperation, isKnown: (by: MadeOperation) => boolean): boolean {
    if (this.#isExpired(write)) return true;
    const isReason = (by: MadeOperation): boolean => {
      // An expired version is gone like a deleted one. A write with a name may have another dot
      // here.
      const leavesNothing =
        by.isDelete || by.isNamed || by.expiry !== undefined || write.isLastWriteWins;
      return this.mayRemove(by, write) && (leavesNothing || isKnown(by));
    };
    // Try the last reason first, because this runs for each write after each batch.
    const before = this.#reasons.get(write.id);
    if (before !== undefined && isReason(before)) return true;
    const reason = this.writesOf(write.key).find(isReason);
    if (reason !== undefined) this.#reasons.set(write.id, reason);
    return reason !== undefined;
  }

  /**
   * Whether a write may be gone because it expired, or because a later writer did not see it any
   * more.
   */
  #isExpired(write: MadeOperation): boolean {
    if (write.expiry === undefined) return false;
    if (this.#clocks.mayBePast(write.expiry.least)) return true;
    return (
      this.#isHidden(write) &&
      this.writesOf(write.key).some((by) => by.id !== write.id && by.overMs > write.beganMs)
    );
  }

  /** Whether readers may not see a write, for any reason. */
  mayBeHidden(write: MadeOperation): boolean {
    return this.#isHidden(write) || this.mayBeGone(write);
  }

  #isHidden({ expiry }: MadeOperation): boolean {
    return expiry !== undefined && this.#clocks.mayLookPast(expiry.least);
  }

  /** Whether a key with this write may look empty without a delete. */
  mayBeEmptyAfter(write: MadeOperation): boolean {
    if (this.#isHidden(write)) return true;
    const empties = (by: MadeOperation): boolean =>
      this.mayRemove(by, write) && (by.isDelete || this.#isHidden(by));
    return this.writesOf(write.key).some(empties);
  }

  /** Records the time at which a version of a write expires. */
  recordExpiry({ id }: Pick<MadeOperation, 'id'>, micros: number): void {
    const made = this.made[id];
    if (made === undefined) return;
    const { least, most } = made.expiry ?? { least: micros, most: micros };
    made.expiry = { least: Math.min(least, micros), most: Math.max(most, micros) };
  }

  /**
   * Records the time of expiry that a reader was told, rounded down to the second. A reader may see
   * a version before any disk has it.
   */
  recordExpirySecond({ id }: Pick<MadeOperation, 'id'>, secondMicros: number): void {
    if ((this.made[id]?.expiry?.most ?? -Infinity) >= secondMicros) return;
    this.recordExpiry({ id }, secondMicros);
    this.recordExpiry({ id }, secondMicros + 999_999);
  }

  /** Returns all writes that a reader of these has seen, with those that their writers had seen. */
  seenWith(ids: readonly number[]): Set<number> {
    const seen = new Set<number>();
    for (const id of ids) for (const each of [id, ...(this.made[id]?.seen ?? [])]) seen.add(each);
    return seen;
  }

  /**
   * Whether a write is present although another has replaced it. One with a name may come a second
   * time, under a dot that the other write had not seen.
   */
  isBack(id: number, known: ReadonlySet<number>): boolean {
    return known.has(id) && (this.made[id]?.dots.size ?? 0) <= 1;
  }

  /** Reports siblings of which the writer of one had seen the other. */
  checkSiblings(
    key: string,
    ids: readonly number[],
    known: (write: MadeOperation) => ReadonlySet<number>,
  ): void {
    for (const id of ids) {
      const write = this.made[id];
      if (write?.key !== key) {
        this.violate(`${key} has ${id}, which was never written there`);
        continue;
      }
      if (write.isRefused)
        this.violate(`${key} has ${id}, whose writer was told that nothing was written`);
      const under = ids.find((other) => this.isBack(other, known(write)));
      if (under !== undefined)
        this.violate(`${key} has ${under} next to ${id}, whose writer had seen it`);
    }
  }
}
