/**
 * A causal context: a set of dots. One type serves as a replica's clock, as an object's residue
 * and as the token in a client's hands.
 *
 * A dot `(actor, n)` names the n-th write that an actor coordinated in one partition, for ever. Almost all
 * the dots of an actor that anyone knows are 1 … base without a gap; those above the base are the extras.
 *
 * A context lies in two layers: a shared floor of dead actors (`floor.ts`), and ranges above it. What an
 * actor has above supersedes what it has in the floor, and includes it. Two contexts on the same floor are
 * compared and joined without a look at it. Which layers a context has changes nothing of what it says.
 * Source: version vectors with exceptions; Almeida, Shoker, Baquero, "Delta State Replicated Data Types".
 */
import { digestOfRanges, Floor } from './floor.ts';
import {
  addNumber,
  baseOf,
  coversRanges,
  formatRanges,
  hasNumber,
  isRanges,
  maxOf,
  meetRanges,
  type Ranges,
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

/** A mutable set of dots. Copies are nearly free: two share what they hold until one of them changes. */
export class CausalContext {
  /** What others share for ever; its dots are in the context. */
  #floor = Floor.NONE;
  /** What differs from the floor: all the dots of these actors, those in the floor included. */
  #ranges = NOTHING;
  /** Whether others may hold the same map, and the same ranges. */
  #isShared = true;

  /** The context of one run of an actor's dots, 1 … base. */
  static ofBase(actor: string, base: number): CausalContext {
    const context = new CausalContext();
    context.addRanges(actor, base > 0 ? [1, base] : []);
    return context;
  }

  /** The context of the given dots and nothing else. */
  static ofDots(dots: Iterable<Dot>): CausalContext {
    const context = new CausalContext();
    for (const dot of dots) context.add(dot.actor, dot.counter);
    return context;
  }

  get isEmpty(): boolean {
    return this.#ranges.size === 0 && this.#floor === Floor.NONE;
  }

  /** How many actors it names. */
  get size(): number {
    let size = this.#floor.size;
    for (const actor of this.#ranges.keys()) size += Number(this.#floor.base(actor) === 0);
    return size;
  }

  /** What the context shares with others. */
  get floor(): Floor {
    return this.#floor;
  }

  *actors(): Generator<string, undefined> {
    for (const [actor] of this.entries()) yield actor;
  }

  /** The actors whose dots are not just those of the floor. */
  actorsAboveFloor(): IterableIterator<string> {
    return this.#ranges.keys();
  }

  /** Every actor with its dots as flat ranges; not to be changed. */
  entries(): IterableIterator<[string, readonly number[]]> {
    return this.#floor === Floor.NONE ? this.#ranges.entries() : this.#expanded();
  }

  *#expanded(): Generator<[string, readonly number[]], undefined> {
    for (const [actor, base] of this.#floor) if (!this.#ranges.has(actor)) yield [actor, [1, base]];
    yield* this.#ranges;
  }

  /** The actor's dots, in whichever layer; not to be changed. */
  #of(actor: string): readonly number[] | undefined {
    return this.#ranges.get(actor) ?? (this.#floor === Floor.NONE ? undefined : this.#floor.ranges(actor));
  }

  /** All of the actor's dots up to this one are in the set; 0 where there is none. */
  base(actor: string): number {
    const ranges = this.#ranges.get(actor);
    return ranges === undefined ? this.#floor.base(actor) : baseOf(ranges);
  }

  /** The actor's largest dot in the set; 0 where there is none. */
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

  /** Adds dots, in place; those that were new. */
  addAll(dots: readonly Dot[]): Dot[] {
    const added: Dot[] = [];
    for (const dot of dots) {
      if (this.has(dot.actor, dot.counter)) continue;
      this.add(dot.actor, dot.counter);
      added.push(dot);
    }
    return added;
  }

  /** Stops sharing: what follows changes this one alone. */
  #own(): void {
    if (!this.#isShared) return;
    this.#isShared = false;
    const shared = this.#ranges;
    this.#ranges = new Map();
    for (const [actor, ranges] of shared)
      this.#ranges.set(actor, ranges.length === 2 ? [ranges[0] as number, ranges[1] as number] : [...ranges]);
  }

  /** Adds many dots of one actor, in place. */
  addRanges(actor: string, added: readonly number[]): void {
    if (added.length === 0) return;
    const ranges = this.#of(actor);
    if (ranges !== undefined && coversRanges(ranges, added)) return;
    this.#own();
    this.#ranges.set(actor, ranges === undefined ? [...added] : unionRanges(ranges, added));
  }

  /** Adds all of another context, in place. */
  join(other: CausalContext): this {
    if (other.#floor !== this.#floor) this.#joinFloor(other.#floor);
    for (const [actor, ranges] of other.#ranges) this.addRanges(actor, ranges);
    return this;
  }

  #joinFloor(floor: Floor): void {
    const lacking = floor.beyond(this.#floor);
    for (const [actor, base] of lacking) if (this.base(actor) < base) this.addRanges(actor, [1, base]);
    // Of two floors of one partition one mostly has all of the other: the larger serves both.
    if (lacking.size > 0 && this.#floor.beyond(floor).size === 0) this.shareFloor(floor);
  }

  /** Whether every dot of the other is in this one. */
  covers(other: CausalContext): boolean {
    if (other.#floor !== this.#floor) {
      for (const [actor, base] of other.#floor.beyond(this.#floor)) if (this.base(actor) < base) return false;
    }
    for (const [actor, ranges] of other.#ranges) {
      const own = this.#of(actor);
      if (own === undefined || !coversRanges(own, ranges)) return false;
    }
    return true;
  }

  /** Whether any dot is in both. */
  meets(other: CausalContext): boolean {
    const [few, many] = this.#floor.size <= other.#floor.size ? [this, other] : [other, this];
    for (const [actor, ranges] of few.entries()) {
      const others = many.#of(actor);
      if (others !== undefined && meetRanges(ranges, others)) return true;
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

  /** The dots of this one that the other lacks. */
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

  /** Only the gapless part of every actor: its dots 1 … base. */
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
    for (const ranges of this.#ranges.values()) if (ranges.length !== 2 || ranges[0] !== 1) return false;
    return true;
  }

  /** The dots that lie in gaps, below others of the same actor. */
  gaps(): CausalContext {
    const gaps = new CausalContext();
    for (const [actor, ranges] of this.#ranges) gaps.addRanges(actor, subtractRanges([1, maxOf(ranges)], ranges));
    return gaps;
  }

  /** Only the actors that `keep` accepts. */
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

  /** Only the actors above the floor: enough for a token, since those of a floor are dead. */
  withoutFloor(): CausalContext {
    const rest = this.clone();
    rest.#floor = Floor.NONE;
    return rest;
  }

  /** The same dots on another floor; undefined if the context lacks any of it. */
  on(floor: Floor): CausalContext | undefined {
    const moved = this.clone();
    return moved.shareFloor(floor) ? moved : undefined;
  }

  /** Puts the context on another floor, in place; changes nothing, and returns false, if it lacks any of it. */
  shareFloor(floor: Floor): boolean {
    if (floor === this.#floor) return true;
    for (const [actor, base] of floor.beyond(this.#floor)) if (this.base(actor) < base) return false;
    this.#own();
    for (const [actor, base] of this.#floor.beyond(floor)) {
      if (!this.#ranges.has(actor)) this.#ranges.set(actor, [1, base]);
    }
    this.#floor = floor;
    for (const [actor, ranges] of this.#ranges) {
      if (ranges.length === 2 && ranges[0] === 1 && ranges[1] === floor.base(actor)) this.#ranges.delete(actor);
    }
    return true;
  }

  /** A number for the set: equal sets have the same, in whatever layers they lie. */
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

  /** Flat form for the disk, and for a peer that does not know the floor. */
  pack(): PackedContext {
    const packed: PackedContext = [];
    for (const [actor, ranges] of this.entries()) packed.push(actor, ranges as Ranges);
    return packed;
  }

  /**
   * Flat form for a peer that knows this floor: its hash, and the rest. Whole if the context lacks
   * any of the floor.
   */
  packOn(floor: Floor | undefined): PackedContext {
    const moved = floor === undefined || floor === Floor.NONE ? undefined : this.on(floor);
    if (moved === undefined) return this.pack();
    const packed: PackedContext = [moved.#floor.hash];
    for (const [actor, ranges] of moved.#ranges) packed.push(actor, ranges);
    return packed;
  }

  /** The name of the floor under a flat form; undefined if there is none. */
  static floorOf(packed: unknown): unknown {
    return Array.isArray(packed) && packed.length % 2 === 1 ? packed[0] : undefined;
  }

  /** The context of a flat form; undefined if the form is not one, or has more than `maxRanges` ranges. */
  static unpack(packed: unknown, maxRanges = Infinity): CausalContext | undefined {
    if (!Array.isArray(packed) || packed.length % 2 !== 0) return undefined;
    const context = new CausalContext();
    context.#own();
    let count = 0;
    for (let i = 0; i < packed.length; i += 2) {
      const actor: unknown = packed[i];
      const ranges: unknown = packed[i + 1];
      if (typeof actor !== 'string' || !isRanges(ranges) || ranges.length === 0) return undefined;
      count += ranges.length / 2;
      if (context.#ranges.has(actor) || count > maxRanges) return undefined;
      context.#ranges.set(actor, ranges);
    }
    return context;
  }

  /** The same for a flat form on a floor that the caller has found by its name. */
  static unpackOn(floor: Floor, packed: readonly unknown[], maxRanges = Infinity): CausalContext | undefined {
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
