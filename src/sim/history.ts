/**
 * What the users of a simulated cluster know: every write that they made, and for each what its
 * writer had seen. From this follows what may be gone, what must be gone, and what must never stand
 * side by side, whatever the cluster went through.
 */
import { parseDot } from '../core/causality/dot.ts';
import type { Dot } from '../core/causality/causal-context.ts';
import { partitionOf } from '../core/placement/partition.ts';
import type { Clocks } from './clocks.ts';

/** A write or delete before it is sent. */
export interface Making {
  readonly key: string;
  readonly isDelete: boolean;
  /** All writes that the writer had seen, and what their writers had seen. */
  readonly seen: ReadonlySet<number>;
  /** Those that the writer's token names for certain: what its last read returned, or its own last write. */
  readonly direct: ReadonlySet<number>;
  /** A delete without a token: it removes whatever a quorum sees. */
  readonly isBlindDelete: boolean;
  /** Whether it has a name by which nodes recognise it when it comes again: then it may have several dots. */
  readonly isNamed: boolean;
  /** Whether the last write wins under its key. */
  readonly isLastWriteWins: boolean;
  readonly beganMs: number;
}

/** One write or delete, as its client made it. */
export interface MadeOperation extends Making {
  readonly id: number;
  /** When it was acknowledged first. */
  endedMs: number | undefined;
  /** When nothing more could come of it; infinite while it is under way, or if a sending of it was never answered. */
  overMs: number;
  /** Whether it was acknowledged, and no disk has been lost since on whose word alone it was. */
  isAcknowledged: boolean;
  /** Whether the client was told that nothing was written. */
  isRefused: boolean;
  /** Whether it was sent, and what came of that is not known, before it was acknowledged first. */
  isFirstTryUnknown: boolean;
  /** How many disks, and how many disks of owners, had it when it was acknowledged. */
  strength: Strength;
  /** The losses of disks before it began. */
  readonly lossesBefore: number;
  /** The dots under which it was seen; and if it is one, that dot. */
  readonly dots: Set<string>;
  onlyDot: Dot | undefined;
  /**
   * When its versions expire, µs since 1970: the first of them, and the last; undefined where none
   * does, or none was seen.
   */
  expiry: { least: number; most: number } | undefined;
}

/** How many disks have answered, at least, and how many of them were disks of owners. */
export interface Strength {
  readonly disks: number;
  readonly owners: number;
}

const NONE: Strength = { disks: 0, owners: 0 };

/** The history of one run. */
export class History {
  readonly made: MadeOperation[] = [];
  readonly violations: string[] = [];
  /** Whether clocks of machines differ, or jump: then the last write is not the one that was made last. */
  areClocksApart = false;
  readonly #clocks: Pick<Clocks, 'mayBePast' | 'mayLookPast'>;
  readonly #byKey = new Map<string, MadeOperation[]>();
  readonly #removable = new Set<number>();
  /** Of writes that were gone from a replica, the write that was the reason last time. */
  readonly #reasons = new Map<number, MadeOperation>();
  /** Which write each name (a dot, or a tag) was seen to mean, and under which name of each kind a write was seen. */
  readonly #writeOf = new Map<string, number>();
  readonly #nameOf = new Map<string, string>();
  /** By key, how much was learnt that may make a state wrong that was right before. */
  readonly #lessons = new Map<string, number>();
  #losses = 0;

  constructor(clocks: Pick<Clocks, 'mayBePast' | 'mayLookPast'>) {
    this.#clocks = clocks;
  }

  /** All writes of a key, oldest first. */
  of(key: string): readonly MadeOperation[] {
    return this.#byKey.get(key) ?? [];
  }

  /** Grows whenever what a disk holds of a key must be judged again. */
  lessons(key: string): number {
    return this.#lessons.get(key) ?? 0;
  }

  #learn({ key }: Pick<MadeOperation, 'key'>): void {
    this.#lessons.set(key, this.lessons(key) + 1);
  }

  /** A client begins a write. */
  begin(making: Making): MadeOperation {
    const made: MadeOperation = {
      ...making,
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
    this.#byKey.set(making.key, [...this.of(making.key), made]);
    return made;
  }

  /** A client was told that a write was made, on so many disks. */
  acknowledge(made: MadeOperation, { nowMs, strength }: { readonly nowMs: number; readonly strength: Strength }): void {
    if (made.isRefused) this.violate(`the write ${made.id} of ${made.key} is acknowledged, and was refused before`);
    made.endedMs ??= nowMs;
    made.strength = strength;
    this.#learn(made);
    // What few disks have, and one of them was lost meanwhile, may be nowhere.
    made.isAcknowledged ||= strength.disks > this.#losses - made.lossesBefore;
  }

  /** A client was told that nothing was written. */
  refuse(made: MadeOperation): void {
    made.isRefused = true;
    this.#learn(made);
  }

  /**
   * A disk has lost what it held: what was acknowledged by no more disks than those that may be
   * lost at once is promised no longer.
   */
  loseDisk(atOnce: number): void {
    this.#losses += 1;
    for (const made of this.made) if (made.strength.disks <= atOnce) made.isAcknowledged = false;
  }

  violate(text: string): void {
    this.violations.push(text);
  }

  /**
   * A version was seen under this dot, or this tag of its dot. It names one write of its partition
   * for ever, and a write has one.
   */
  named(key: string, { kind, name }: { kind: 'dot' | 'tag' | 'acknowledged'; name: string }, id: number): void {
    const whole = `${kind} ${name} of partition ${partitionOf(key)}`;
    const other = this.#writeOf.get(whole) ?? id;
    if (other !== id) this.violate(`the ${whole} names the writes ${other} and ${id}`);
    const made = this.made[id];
    if (kind === 'dot' && made?.dots.has(name) === false) {
      made.dots.add(name);
      // Of a write that was made twice, one may be gone and the other not be here yet.
      made.onlyDot = made.dots.size === 1 ? parseDot(name) : undefined;
      this.#learn(made);
    }
    this.#writeOf.set(whole, id);
    if (made?.isNamed === true && kind !== 'acknowledged') return;
    const before = this.#nameOf.get(`${kind} ${id}`) ?? whole;
    // A coordinator that was out of reach may bring the first try when a second is acknowledged: twins, shown as one.
    // And what no disk is promised to hold any more is written once more.
    const areTwins = kind === 'acknowledged' && (made?.isFirstTryUnknown === true || made?.isAcknowledged === false);
    if (before !== whole && !areTwins) this.violate(`the write ${id} has the ${before} and the ${whole}`);
    this.#nameOf.set(`${kind} ${id}`, whole);
  }

  /** The write that a dot of a key means, where a version was seen under it. */
  writeOf(key: string, dot: string): number | undefined {
    return this.#writeOf.get(`dot ${dot} of partition ${partitionOf(key)}`);
  }

  /** Whether the write may be the reason that another is gone. */
  mayRemove(by: MadeOperation, x: MadeOperation): boolean {
    if (by.key !== x.key || by.id === x.id || by.isRefused) return false;
    if (by.seen.has(x.id)) return true;
    const isBefore = by.overMs < x.beganMs;
    if (by.isBlindDelete && !isBefore) return true;
    return x.isLastWriteWins && (this.areClocksApart || !isBefore);
  }

  /** Whether anything may be the reason that a write is gone. */
  mayBeGone(x: MadeOperation): boolean {
    if (this.#removable.has(x.id)) return true;
    const isSo = this.#isExpired(x) || this.of(x.key).some((by) => this.mayRemove(by, x));
    if (isSo) this.#removable.add(x.id);
    return isSo;
  }

  /**
   * Whether a replica that has a write in its clock may hold nothing of it: a write of which it
   * `isKnown` to have the effect replaced it, or one that leaves no version did.
   */
  mayBeGoneFrom(x: MadeOperation, isKnown: (by: MadeOperation) => boolean): boolean {
    if (this.#isExpired(x)) return true;
    const isReason = (by: MadeOperation): boolean => {
      // What expires is gone like what was deleted; a named write may have come under another dot.
      const leavesNothing = by.isDelete || by.isNamed || by.expiry !== undefined || x.isLastWriteWins;
      return this.mayRemove(by, x) && (leavesNothing || isKnown(by));
    };
    // What was the reason before is likely to be it still, and this is asked of each write after each batch.
    const before = this.#reasons.get(x.id);
    if (before !== undefined && isReason(before)) return true;
    const reason = this.of(x.key).find(isReason);
    if (reason !== undefined) this.#reasons.set(x.id, reason);
    return reason !== undefined;
  }

  /** Whether it may have been deleted as expired, or replaced by a writer who was not shown it any more. */
  #isExpired(x: MadeOperation): boolean {
    if (x.expiry === undefined) return false;
    if (this.#clocks.mayBePast(x.expiry.least)) return true;
    return this.#isHidden(x) && this.of(x.key).some((by) => by.id !== x.id && by.overMs > x.beganMs);
  }

  /** Whether anything may be the reason that readers do not see a write. */
  mayBeHidden(x: MadeOperation): boolean {
    return this.#isHidden(x) || this.mayBeGone(x);
  }

  #isHidden({ expiry }: MadeOperation): boolean {
    return expiry !== undefined && this.#clocks.mayLookPast(expiry.least);
  }

  /** Whether a key that held this write may look empty, although it was only written to. */
  mayBeEmptyAfter(x: MadeOperation): boolean {
    if (this.#isHidden(x)) return true;
    const empties = (by: MadeOperation): boolean => this.mayRemove(by, x) && (by.isDelete || this.#isHidden(by));
    return this.of(x.key).some(empties);
  }

  /** A version of a write was seen that expires. */
  expires({ id }: Pick<MadeOperation, 'id'>, micros: number): void {
    const made = this.made[id];
    if (made === undefined) return;
    const { least, most } = made.expiry ?? { least: micros, most: micros };
    made.expiry = { least: Math.min(least, micros), most: Math.max(most, micros) };
  }

  /**
   * A reader was told when a version expires, rounded down to the second. A try that has just begun
   * is read before any disk has it.
   */
  expiresWithin({ id }: Pick<MadeOperation, 'id'>, secondMicros: number): void {
    if ((this.made[id]?.expiry?.most ?? -Infinity) >= secondMicros) return;
    this.expires({ id }, secondMicros);
    this.expires({ id }, secondMicros + 999_999);
  }

  /** All that somebody who was shown these writes has seen. */
  seenWith(ids: readonly number[]): Set<number> {
    const seen = new Set<number>();
    for (const id of ids) for (const each of [id, ...(this.made[id]?.seen ?? [])]) seen.add(each);
    return seen;
  }

  /**
   * Whether a write is there although another has replaced it. One with a name may come a second
   * time, under a dot that was not seen.
   */
  isBack(id: number, known: ReadonlySet<number>): boolean {
    return known.has(id) && (this.made[id]?.dots.size ?? 0) <= 1;
  }

  /** Notes versions that stand side by side although the writer of one had seen the other. */
  noFalseSiblings(key: string, ids: readonly number[], known: (x: MadeOperation) => ReadonlySet<number>): void {
    for (const id of ids) {
      const x = this.made[id];
      if (x?.key !== key) {
        this.violate(`${key} has ${id}, which was never written there`);
        continue;
      }
      if (x.isRefused) this.violate(`${key} has ${id}, whose writer was told that nothing was written`);
      const under = ids.find((other) => this.isBack(other, known(x)));
      if (under !== undefined) this.violate(`${key} has ${under} beside ${id}, whose writer had seen it`);
    }
  }
}
