/**
 * A floor: the settled dots of dead actors, 1 … base for each, under one name.
 *
 * Every start of a node leaves a dead actor in the clocks of the partitions that it wrote to. A context that
 * covers a floor shares it, and holds, compares and sends only what lies above. A floor is nothing but an
 * encoding: what a context says is the same on any floor, or on none.
 */
import { hashText32, hashText64 } from '../base/hash.ts';
import { formatRanges, type Ranges } from './ranges.ts';

const NOTHING: ReadonlyMap<string, number> = new Map();

/** The digest of one actor's dots; a set of dots has the sum of those of its actors, in whatever layers it lies. */
export function digestOfRanges(actor: string, ranges: readonly number[]): number {
  return hashText32(`${actor}:${formatRanges(ranges)}`);
}

const nameOfBase = (actor: string, base: number): bigint => hashText64(`${actor}:${base}`);

interface Content {
  readonly bases: ReadonlyMap<string, number>;
  readonly name: bigint;
  readonly digest: number;
}

/** An immutable set of gapless dots. Two floors of the same content have the same hash, however each came about. */
export class Floor {
  /** The floor of contexts that share nothing. */
  static readonly NONE = new Floor({ bases: NOTHING, name: 0n, digest: 0 });

  /** Names the content wherever it is known; empty if there is none. */
  readonly hash: string;
  /** The digest of the dots, as `digestOfRanges` adds it up. */
  readonly digest: number;
  readonly #bases: ReadonlyMap<string, number>;
  readonly #name: bigint;
  readonly #beyond = new WeakMap<Floor, ReadonlyMap<string, number>>();

  private constructor({ bases, name, digest }: Content) {
    this.#bases = bases;
    this.#name = name;
    this.digest = digest;
    this.hash = bases.size === 0 ? '' : name.toString(36);
  }

  /** How many actors it names. */
  get size(): number {
    return this.#bases.size;
  }

  /** All of the actor's dots up to this one are in the floor; 0 if there is none. */
  base(actor: string): number {
    return this.#bases.get(actor) ?? 0;
  }

  /** The actor's dots as ranges of the caller's own; undefined if there is none. */
  ranges(actor: string): Ranges | undefined {
    const base = this.#bases.get(actor);
    return base === undefined ? undefined : [1, base];
  }

  /** Every actor with its base. */
  entries(): Iterable<[string, number]> {
    return this.#bases;
  }

  /** A floor with these actors and their bases besides. */
  with(added: ReadonlyMap<string, number>): Floor {
    if (added.size === 0) return this;
    const bases = new Map(this.#bases);
    let name = this.#name;
    let { digest } = this;
    for (const [actor, base] of added) {
      const before = bases.get(actor) ?? 0;
      if (before >= base) continue;
      if (before > 0) {
        name -= nameOfBase(actor, before);
        digest -= digestOfRanges(actor, [1, before]);
      }
      bases.set(actor, base);
      name += nameOfBase(actor, base);
      digest = (digest + digestOfRanges(actor, [1, base])) >>> 0;
    }
    return new Floor({ bases, name: BigInt.asUintN(64, name), digest: digest >>> 0 });
  }

  /** What this floor has and the other lacks: actors with their bases here. */
  beyond(other: Floor): ReadonlyMap<string, number> {
    if (other === this) return NOTHING;
    if (other.size === 0) return this.#bases;
    // The floors of a partition follow each other: the same two are compared for every message between two nodes.
    let beyond = this.#beyond.get(other);
    if (beyond === undefined) {
      const found = new Map<string, number>();
      for (const [actor, base] of this.#bases) if (other.base(actor) < base) found.set(actor, base);
      beyond = found.size === 0 ? NOTHING : found;
      this.#beyond.set(other, beyond);
    }
    return beyond;
  }
}
