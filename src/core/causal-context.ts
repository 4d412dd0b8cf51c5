/**
 * A causal context: a set of dots. One type serves as a replica's clock, as an object's residual context
 * and as the token in a client's hands.
 *
 * A dot `(actor, n)` names the n-th write that an actor coordinated in one partition, for ever. Almost all
 * the dots of an actor that anyone knows are 1 … base without a gap; those above the base are the extras.
 * Source: version vectors with exceptions; Almeida, Shoker, Baquero, "Delta State Replicated Data Types".
 */
import {
  addNumber,
  baseOf,
  coversRanges,
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
    return this.#ranges.size === 0;
  }

  /** How many actors it names. */
  get size(): number {
    return this.#ranges.size;
  }

  actors(): IterableIterator<string> {
    return this.#ranges.keys();
  }

  /** Every actor with its dots as flat ranges; not to be changed. */
  entries(): IterableIterator<[string, readonly number[]]> {
    return this.#ranges.entries();
  }

  /** All of the actor's dots up to this one are in the set; 0 where there is none. */
  base(actor: string): number {
    const ranges = this.#ranges.get(actor);
    return ranges === undefined ? 0 : baseOf(ranges);
  }

  /** The actor's largest dot in the set; 0 where there is none. */
  max(actor: string): number {
    const ranges = this.#ranges.get(actor);
    return ranges === undefined ? 0 : maxOf(ranges);
  }

  has(actor: string, counter: number): boolean {
    const ranges = this.#ranges.get(actor);
    return ranges !== undefined && hasNumber(ranges, counter);
  }

  /** Adds one dot, in place. */
  add(actor: string, counter: number): void {
    if (this.has(actor, counter)) return;
    this.#own();
    const ranges = this.#ranges.get(actor);
    if (ranges === undefined) this.#ranges.set(actor, [counter, counter]);
    else addNumber(ranges, counter);
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
    const ranges = this.#ranges.get(actor);
    if (ranges !== undefined && coversRanges(ranges, added)) return;
    this.#own();
    this.#ranges.set(actor, ranges === undefined ? [...added] : unionRanges(ranges, added));
  }

  /** Adds all of another context, in place. */
  join(other: CausalContext): this {
    for (const [actor, ranges] of other.#ranges) this.addRanges(actor, ranges);
    return this;
  }

  /** Whether every dot of the other is in this one. */
  covers(other: CausalContext): boolean {
    for (const [actor, ranges] of other.#ranges) {
      const own = this.#ranges.get(actor);
      if (own === undefined || !coversRanges(own, ranges)) return false;
    }
    return true;
  }

  /** Whether any dot is in both. */
  meets(other: CausalContext): boolean {
    for (const [actor, ranges] of this.#ranges) {
      const others = other.#ranges.get(actor);
      if (others !== undefined && meetRanges(ranges, others)) return true;
    }
    return false;
  }

  equals(other: CausalContext): boolean {
    return this.covers(other) && other.covers(this);
  }

  clone(): CausalContext {
    const copy = new CausalContext();
    copy.#ranges = this.#ranges;
    this.#isShared = true;
    return copy;
  }

  /** The dots of this one that the other lacks. */
  minus(other: CausalContext): CausalContext {
    const rest = new CausalContext();
    if (other.covers(this)) return rest;
    for (const [actor, ranges] of this.#ranges) {
      const covered = other.#ranges.get(actor);
      rest.addRanges(actor, covered === undefined ? ranges : subtractRanges(ranges, covered));
    }
    return rest;
  }

  /** Only the gapless part of every actor: its dots 1 … base. */
  bases(): CausalContext {
    if (this.#isGapless()) return this.clone();
    const bases = new CausalContext();
    bases.#own();
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
    const kept = this.clone();
    for (const actor of this.#ranges.keys()) {
      if (keep(actor)) continue;
      kept.#own();
      kept.#ranges.delete(actor);
    }
    return kept;
  }

  /** Flat form for wire and disk. */
  pack(): PackedContext {
    const packed: PackedContext = [];
    for (const [actor, ranges] of this.#ranges) packed.push(actor, ranges);
    return packed;
  }

  /** The context of a flat form, or undefined where the form is not one, or has more than `maxRanges` ranges. */
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

  toString(): string {
    const parts = [...this.#ranges].map(([actor, ranges]) => `${actor}:${formatRanges(ranges)}`);
    return `{${parts.sort().join(' ')}}`;
  }
}

function formatRanges(ranges: readonly number[]): string {
  const parts: string[] = [];
  for (let i = 0; i < ranges.length; i += 2) {
    const from = ranges[i];
    const to = ranges[i + 1];
    parts.push(from === to ? String(from) : `${from}-${to}`);
  }
  return parts.join(',');
}
