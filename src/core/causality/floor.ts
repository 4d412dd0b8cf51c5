/**
 * A floor: the dots 1 … base of dead actors that every holder has, under one hash.
 *
 * Every start of a node leaves a dead actor in the clocks of the partitions that it wrote to.
 * Contexts that include a floor share it, and store, compare and send only what is above it. A
 * floor is only an encoding: the meaning of a context does not depend on it.
 */
import { hashText32, hashText64 } from '../../base/hash.ts';
import { formatRanges, type Ranges } from './ranges.ts';

/**
 * The digest of one actor's dots. The digest of a set is the sum over its actors, in whichever
 * layer they are.
 */
export function digestOfRanges(actor: string, ranges: readonly number[]): number {
  return hashText32(`${actor}:${formatRanges(ranges)}`);
}

const nameOfBase = (actor: string, base: number): bigint => hashText64(`${actor}:${base}`);

/** Actors with their bases. */
export type Bases = Iterable<[string, number]> & { readonly size: number };

const NOTHING: Bases = new Map();

/**
 * The actors' names in all floors of this process, and the number of each. All partitions may name
 * the same thousands of dead actors, so each name is stored once. Names are never removed, because
 * a dead actor stays in some floor.
 */
const names: string[] = [];
const numbers = new Map<string, number>();

function numberOf(actor: string): number {
  let number = numbers.get(actor);
  if (number === undefined) {
    number = names.push(actor) - 1;
    numbers.set(actor, number);
  }
  return number;
}

/** The largest base that a floor can hold. */
export const MAX_FLOOR_BASE = 2 ** 32 - 1;

interface FloorContent {
  /** The numbers of the actors, in the order of their names, with the base of each. */
  readonly actors: Uint32Array;
  readonly bases: Uint32Array;
  readonly name: bigint;
  readonly digest: number;
}

/**
 * An immutable set of gapless dots. Floors with the same content have the same hash, however each
 * was made.
 */
export class Floor {
  /** The empty floor, under contexts that share nothing. */
  static readonly NONE = new Floor({
    actors: new Uint32Array(),
    bases: new Uint32Array(),
    name: 0n,
    digest: 0,
  });

  /** Identifies the content on every node; empty for `NONE`. */
  readonly hash: string;
  /** The digest of the dots: the sum of `digestOfRanges` over all actors. */
  readonly digest: number;
  readonly #actors: Uint32Array;
  readonly #bases: Uint32Array;
  readonly #name: bigint;
  readonly #beyond = new WeakMap<Floor, Bases>();

  private constructor({ actors, bases, name, digest }: FloorContent) {
    this.#actors = actors;
    this.#bases = bases;
    this.#name = name;
    this.digest = digest;
    this.hash = actors.length === 0 ? '' : name.toString(36);
  }

  /** The number of actors. */
  get size(): number {
    return this.#actors.length;
  }

  /** The largest n for which all dots 1 … n of the actor are in the floor; 0 if it has none. */
  base(actor: string): number {
    // A current actor is in no floor, so most lookups end here.
    if (this.#actors.length === 0 || !numbers.has(actor)) return 0;
    let [from, to] = [0, this.#actors.length];
    while (from < to) {
      const middle = (from + to) >>> 1;
      const name = this.#nameAt(middle);
      if (name === actor) return this.#bases[middle] as number;
      if (name < actor) from = middle + 1;
      else to = middle;
    }
    return 0;
  }

  /** The actor's dots as ranges that the caller may change; undefined if there are none. */
  ranges(actor: string): Ranges | undefined {
    const base = this.base(actor);
    return base === 0 ? undefined : [1, base];
  }

  /** Every actor with its base, in the order of the actors' names. */
  *[Symbol.iterator](): Generator<[string, number], undefined> {
    for (let i = 0; i < this.size; i++) yield [this.#nameAt(i), this.#bases[i] as number];
  }

  /** This floor with these actors added. No base may exceed `MAX_FLOOR_BASE`. */
  with(added: Bases): Floor {
    if (added.size === 0) return this;
    const bases = new Map(this);
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
    const sorted = [...bases].sort(([a], [b]) => (a < b ? -1 : 1));
    return new Floor({
      actors: Uint32Array.from(sorted, ([actor]) => numberOf(actor)),
      bases: Uint32Array.from(sorted, ([, base]) => base),
      name: BigInt.asUintN(64, name),
      digest: digest >>> 0,
    });
  }

  /** The actors whose base is higher here than in the other floor, with their bases here. */
  beyond(other: Floor): Bases {
    if (other === this || this.size === 0) return NOTHING;
    if (other.size === 0) return this;
    // A partition has few floors at a time, and each message between two nodes compares the same
    // two.
    let beyond = this.#beyond.get(other);
    if (beyond === undefined) {
      const found = new Map<string, number>();
      for (const [actor, base] of this) if (other.base(actor) < base) found.set(actor, base);
      beyond = found.size === 0 ? NOTHING : found;
      this.#beyond.set(other, beyond);
    }
    return beyond;
  }

  #nameAt(index: number): string {
    return names[this.#actors[index] as number] as string;
  }
}
