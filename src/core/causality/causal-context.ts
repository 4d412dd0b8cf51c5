/**
 * A causal context: a set of dots. A replica's clock, an object's residue and a client's token are
 * all of this type.
 *
 * A dot `(actor, n)` is the permanent name of the n-th write that an actor coordinated in one
 * partition. Nearly always the known dots of an actor are 1 … base without a gap. Dots above the
 * base are called extras.
 *
 * A context has two layers: a shared floor of dead actors (`floor.ts`) and ranges above it. If an
 * actor is in the ranges, they hold all its dots, those in the floor included. Contexts on the same
 * floor are compared and joined without reading it. The layers are only an encoding: equal sets are
 * equal on any floor.
 * Source: version vectors with exceptions; Almeida, Shoker, Baquero, "Delta State Replicated Data
 * Types".
 */
import { MAX_ACTOR_CHARS } from '../limits.ts';
import { digestOfRanges, Floor } from './floor.ts';
import {
  addNumber,
  baseOf,
  coversRanges,
  formatRanges,
  hasNumber,
  isRanges,
  maxOf,
  type Ranges,
  rangesIntersect,
  subtractRanges,
  unionRanges,
} from './ranges.ts';

/** One write: the n-th that this actor coordinated in one partition. */
export interface Dot {
  readonly actor: string;
  readonly counter: number;
}

/** The wire and disk form of a context: `[actor, ranges, actor, ranges, …]`. */
export type PackedContext = (string | Ranges)[];

const NOTHING: Map<string, Ranges> = new Map();

/**
 * A mutable set of dots. A copy costs almost nothing: it shares memory until one of the two
 * changes.
 */
export class CausalContext {
  /** The shared, immutable layer. All its dots are in the context. */
  #floor = Floor.NONE;
  /** Actors that differ from the floor, each with all its dots. */
  #ranges = NOTHING;
  /** Whether another context may hold the same map and the same ranges. */
  #isShared = true;

  /** The context of the dots 1 … base of one actor. */
  static ofBase(actor: string, base: number): CausalContext {
    const context = new CausalContext();
    context.addRanges(actor, base > 0 ? [1, base] : []);
    return context;
  }

  /** The context of exactly these dots. */
  static ofDots(dots: Iterable<Dot>): CausalContext {
    const context = new CausalContext();
    for (const dot of dots) context.add(dot.actor, dot.counter);
    return context;
  }

  get isEmpty(): boolean {
    return this.#ranges.size === 0 && this.#floor === Floor.NONE;
  }

  /** The number of actors with a dot in the set. */
  get size(): number {
    let size = this.#floor.size;
    for (const actor of this.#ranges.keys()) size += Number(this.#floor.base(actor) === 0);
    return size;
  }

  /** The number of ranges above the floor. */
  get rangeCount(): number {
    let count = 0;
    for (const ranges of this.#ranges.values()) count += ranges.length / 2;
    return count;
  }

  /** The layer that this context may share with others. */
  get floor(): Floor {
    return this.#floor;
  }

  *actors(): Generator<string, undefined> {
    for (const [actor] of this.entries()) yield actor;
  }

  /** The actors whose dots are not exactly those of the floor. */
  actorsAboveFloor(): IterableIterator<string> {
    return this.#ranges.keys();
  }

  /** Every actor with its dots as flat ranges. The caller must not change them. */
  entries(): IterableIterator<[string, readonly number[]]> {
    return this.#floor === Floor.NONE ? this.#ranges.entries() : this.#expanded();
  }

  *#expanded(): Generator<[string, readonly number[]], undefined> {
    for (const [actor, base] of this.#floor) if (!this.#ranges.has(actor)) yield [actor, [1, base]];
    yield* this.#ranges;
  }

  /** The actor's dots from either layer. The caller must not change them. */
  #of(actor: string): readonly number[] | undefined {
    return (
      this.#ranges.get(actor) ??
      (this.#floor === Floor.NONE ? undefined : this.#floor.ranges(actor))
    );
  }

  /** The largest n for which all dots 1 … n of the actor are in the set; 0 if the first is not. */
  base(actor: string): number {
    const ranges = this.#ranges.get(actor);
    return ranges === undefined ? this.#floor.base(actor) : baseOf(ranges);
  }

  /** The actor's largest dot in the set; 0 if it has none. */
  max(actor: string): number {
    const ranges = this.#ranges.get(actor);
    return ranges === undefined ? this.#floor.base(actor) : maxOf(ranges);
  }

  has(actor: string, counter: number): boolean {
    const ranges = this.#ranges.get(actor);
    return ranges === undefined ? counter <= this.#floor.base(actor) : hasNumber(ranges, counter);
  }

  /** Adds one dot, in place. */
  add(actor: string, counter: number): void {
    if (this.has(actor, counter)) return;
    this.#own();
    const ranges = this.#ranges.get(actor) ?? this.#floor.ranges(actor);
    if (ranges === undefined) this.#ranges.set(actor, [counter, counter]);
    else {
      addNumber(ranges, counter);
      this.#ranges.set(actor, ranges);
    }
  }

  /** Adds dots, in place. Returns those that were new. */
  addAll(dots: readonly Dot[]): Dot[] {
    const added: Dot[] = [];
    for (const dot of dots) {
      if (this.has(dot.actor, dot.counter)) continue;
      this.add(dot.actor, dot.counter);
      added.push(dot);
    }
    return added;
  }

  /** Copies the shared ranges, so that a change affects only this context. */
  #own(): void {
    if (!this.#isShared) return;
    this.#isShared = false;
    const shared = this.#ranges;
    this.#ranges = new Map();
    for (const [actor, ranges] of shared)
      this.#ranges.set(
        actor,
        ranges.length === 2 ? [ranges[0] as number, ranges[1] as number] : [...ranges],
      );
  }

  /** Adds ranges of one actor's dots, in place. */
  addRanges(actor: string, added: readonly number[]): void {
    if (added.length === 0) return;
    const ranges = this.#of(actor);
    if (ranges !== undefined && coversRanges(ranges, added)) return;
    this.#own();
    this.#ranges.set(actor, ranges === undefined ? [...added] : unionRanges(ranges, added));
  }

  /** Adds all dots of another context, in place. */
  join(other: CausalContext): this {
    if (other.#floor !== this.#floor) this.#joinFloor(other.#floor);
    for (const [actor, ranges] of other.#ranges) this.addRanges(actor, ranges);
    return this;
  }

  #joinFloor(floor: Floor): void {
    const lacking = floor.beyond(this.#floor);
    for (const [actor, base] of lacking)
      if (this.base(actor) < base) this.addRanges(actor, [1, base]);
    // One of two floors of a partition usually includes the other. The larger serves both contexts.
    if (lacking.size > 0 && this.#floor.beyond(floor).size === 0) this.shareFloor(floor);
  }

  /** Whether every dot of the other context is in this one. */
  covers(other: CausalContext): boolean {
    if (other.#floor !== this.#floor) {
      for (const [actor, base] of other.#floor.beyond(this.#floor))
        if (this.base(actor) < base) return false;
    }
    for (const [actor, ranges] of other.#ranges) {
      const own = this.#of(actor);
      if (own === undefined || !coversRanges(own, ranges)) return false;
    }
    return true;
  }

  /** Whether a dot is in both contexts. */
  intersects(other: CausalContext): boolean {
    const [few, many] = this.#floor.size <= other.#floor.size ? [this, other] : [other, this];
    for (const [actor, ranges] of few.entries()) {
      const others = many.#of(actor);
      if (others !== undefined && rangesIntersect(ranges, others)) return true;
    }
    return false;
  }

  equals(other: CausalContext): boolean {
    return this.covers(other) && other.covers(this);
  }

  clone(): CausalContext {
    const copy = new CausalContext();
    copy.#floor = this.#floor;
    copy.#ranges = this.#ranges;
    this.#isShared = true;
    return copy;
  }

  /** The dots of this context that the other lacks. */
  minus(other: CausalContext): CausalContext {
    const rest = new CausalContext();
    if (other.isEmpty) return this.clone();
    if (other.covers(this)) return rest;
    for (const [actor, ranges] of this.#ranges) rest.#addUncovered(actor, ranges, other);
    for (const [actor, base] of this.#floor.beyond(other.#floor)) {
      if (!this.#ranges.has(actor)) rest.#addUncovered(actor, [1, base], other);
    }
    return rest;
  }

  #addUncovered(actor: string, ranges: readonly number[], other: CausalContext): void {
    const covered = other.#of(actor);
    this.addRanges(actor, covered === undefined ? ranges : subtractRanges(ranges, covered));
  }

  /** Each actor's dots 1 … base, without the extras. */
  bases(): CausalContext {
    if (this.#isGapless()) return this.clone();
    const bases = new CausalContext();
    bases.#own();
    bases.#floor = this.#floor;
    for (const [actor, ranges] of this.#ranges) {
      if (ranges[0] === 1) bases.#ranges.set(actor, [1, ranges[1] as number]);
    }
    return bases;
  }

  #isGapless(): boolean {
    for (const ranges of this.#ranges.values())
      if (ranges.length !== 2 || ranges[0] !== 1) return false;
    return true;
  }

  /** The dots that are missing below an actor's largest one. */
  gaps(): CausalContext {
    const gaps = new CausalContext();
    for (const [actor, ranges] of this.#ranges)
      gaps.addRanges(actor, subtractRanges([1, maxOf(ranges)], ranges));
    return gaps;
  }

  /** The dots of the actors that `keep` accepts. */
  filter(keep: (actor: string) => boolean): CausalContext {
    const kept = this.#floor === Floor.NONE ? this.clone() : new CausalContext();
    for (const [actor, ranges] of this.entries()) {
      if (this.#floor !== Floor.NONE) {
        if (keep(actor)) kept.addRanges(actor, ranges);
      } else if (!keep(actor)) {
        kept.#own();
        kept.#ranges.delete(actor);
      }
    }
    return kept;
  }

  /** The dots above the floor. A token needs no others, because all actors of a floor are dead. */
  withoutFloor(): CausalContext {
    const rest = this.clone();
    rest.#floor = Floor.NONE;
    return rest;
  }

  /** The same dots on another floor. Returns undefined if the context lacks a dot of that floor. */
  on(floor: Floor): CausalContext | undefined {
    const moved = this.clone();
    return moved.shareFloor(floor) ? moved : undefined;
  }

  /**
   * Moves the context to another floor, in place. Returns false, and changes nothing, if the
   * context lacks a dot of that floor.
   */
  shareFloor(floor: Floor): boolean {
    if (floor === this.#floor) return true;
    for (const [actor, base] of floor.beyond(this.#floor))
      if (this.base(actor) < base) return false;
    this.#own();
    for (const [actor, base] of this.#floor.beyond(floor)) {
      if (!this.#ranges.has(actor)) this.#ranges.set(actor, [1, base]);
    }
    this.#floor = floor;
    for (const [actor, ranges] of this.#ranges) {
      if (ranges.length === 2 && ranges[0] === 1 && ranges[1] === floor.base(actor))
        this.#ranges.delete(actor);
    }
    return true;
  }

  /** A hash of the set. Equal sets have the same hash, on any floor. */
  get digest(): number {
    let { digest } = this.#floor;
    for (const [actor, ranges] of this.#ranges) {
      digest += digestOfRanges(actor, ranges);
      const below = this.#floor.ranges(actor);
      if (below !== undefined) digest -= digestOfRanges(actor, below);
      digest >>>= 0;
    }
    return digest;
  }

  /** The flat form for the disk, and for a peer that does not know the floor. */
  pack(): PackedContext {
    const packed: PackedContext = [];
    for (const [actor, ranges] of this.entries()) packed.push(actor, ranges as Ranges);
    return packed;
  }

  /**
   * The flat form for a peer that knows `floor`: its hash, then the dots above it. If the context
   * lacks a dot of the floor, the form of `pack`.
   */
  packOn(floor: Floor | undefined): PackedContext {
    const moved = floor === undefined || floor === Floor.NONE ? undefined : this.on(floor);
    if (moved === undefined) return this.pack();
    const packed: PackedContext = [moved.#floor.hash];
    for (const [actor, ranges] of moved.#ranges) packed.push(actor, ranges);
    return packed;
  }

  /** The hash of the floor below a flat form; undefined if the form has no floor. */
  static floorOf(packed: unknown): unknown {
    return Array.isArray(packed) && packed.length % 2 === 1 ? packed[0] : undefined;
  }

  /**
   * Decodes a flat form without a floor. Returns undefined if it is malformed or has more than
   * `maxRanges` ranges.
   */
  static unpack(packed: unknown, maxRanges = Infinity): CausalContext | undefined {
    if (!Array.isArray(packed) || packed.length % 2 !== 0) return undefined;
    const context = new CausalContext();
    if (packed.length === 0) return context;
    context.#own();
    let count = 0;
    for (let i = 0; i < packed.length; i += 2) {
      const actor: unknown = packed[i];
      const ranges: unknown = packed[i + 1];
      if (typeof actor !== 'string' || actor.length > MAX_ACTOR_CHARS) return undefined;
      if (!isRanges(ranges) || ranges.length === 0) return undefined;
      count += ranges.length / 2;
      if (context.#ranges.has(actor) || count > maxRanges) return undefined;
      context.#ranges.set(actor, ranges);
    }
    return context;
  }

  /**
   * Decodes a flat form above `floor`, which the caller has found by its hash. Returns undefined as
   * `unpack` does.
   */
  static unpackOn(
    floor: Floor,
    packed: readonly unknown[],
    maxRanges = Infinity,
  ): CausalContext | undefined {
    const rest = CausalContext.unpack(packed.slice(1), maxRanges);
    if (rest === undefined) return undefined;
    const context = new CausalContext();
    context.#floor = floor;
    return context.join(rest);
  }

  toString(): string {
    const parts = [...this.entries()].map(([actor, ranges]) => `${actor}:${formatRanges(ranges)}`);
    return `{${parts.sort().join(' ')}}`;
  }
}
