/**
 * Placement: the owners of each partition. A pure function of the member list, without any
 * negotiation. Members with different lists only send requests to the wrong node for a while, which
 * is slow but safe.
 *
 * Weighted rendezvous hashing (Thaler, Ravishankar 1998; the weighted score −w / ln(u) after
 * Schindelhauer, Schomaker 2005): every member has a score for every partition, and the N best own
 * it. Two refinements:
 *
 * - Zones: no two owners of a partition are in one zone, if there are as many zones as owners. With
 *   fewer zones, the owners are spread over them as evenly as possible.
 * - A cap: no member owns more than `PLACEMENT_CAP` times its fair share, or the share rounded up
 *   if that is more. The pairs of member and partition are taken in the order of their scores, and
 *   a pair with a full member is skipped. This is a stable matching (Gale, Shapley 1962) in which
 *   both sides rank by the same score. It has only one result, and a join or leave moves little
 *   more data than necessary.
 */
import { hashText64 } from '../../base/hash.ts';
import { PARTITIONS, PLACEMENT_CAP } from '../limits.ts';
import { MaxHeap } from './max-heap.ts';

/** The fields of a member that placement depends on. */
export interface PlacedMember {
  readonly id: string;
  /** Relative to the others: a member of weight 2 owns twice as much as one of weight 1. */
  readonly weight: number;
  /**
   * A group of members that may fail together, such as a rack. A member without a zone is a zone of
   * its own.
   */
  readonly zone?: string | undefined;
}

/**
 * For each partition all members, best first. The first N own it, and the others are its fallbacks
 * in this order.
 */
export type Placement = readonly (readonly string[])[];

/** A member during the matching. */
interface Seat {
  readonly id: string;
  readonly zone: string;
  readonly weight: number;
  readonly scores: Float64Array;
  /** The most partitions that it may own. */
  cap: number;
  load: number;
}

/**
 * Scores by weight and name of the member. Computing them is most of the work, and they depend on
 * nothing else.
 */
const SCORES = new Map<string, Float64Array>();
const MAX_SCORES = 1024;

function scoresOf({ id, weight }: PlacedMember): Float64Array {
  const name = `${weight} ${id}`;
  const known = SCORES.get(name);
  if (known !== undefined) return known;
  const scores = Float64Array.from({ length: PARTITIONS }, (_, partition) => {
    const uniform = (Number(hashText64(`${partition}:${id}`) >> 11n) + 0.5) / 2 ** 53;
    return -weight / Math.log(uniform);
  });
  if (SCORES.size >= MAX_SCORES) SCORES.clear();
  SCORES.set(name, scores);
  return scores;
}

/**
 * The latest results. The next placement becomes the present one later, so each is asked for again.
 */
const PLACEMENTS = new Map<string, Placement>();
const MAX_PLACEMENTS = 16;

/**
 * The members of each partition in preference order; the first `n` own it. The order of `members`
 * does not matter.
 */
export function placement(members: readonly PlacedMember[], n: number): Placement {
  const lines = members.map(({ id, weight, zone }) => JSON.stringify([id, weight, zone])).sort();
  const name = `${n} ${lines.join(' ')}`;
  const known = PLACEMENTS.get(name);
  if (known !== undefined) return known;
  const found = place(members, n);
  const oldest = PLACEMENTS.keys().next();
  if (PLACEMENTS.size >= MAX_PLACEMENTS && oldest.done !== true) PLACEMENTS.delete(oldest.value);
  PLACEMENTS.set(name, found);
  return found;
}

function place(members: readonly PlacedMember[], n: number): Placement {
  const seats = members
    .map((member): Seat => {
      const zone = member.zone === undefined ? `\0${member.id}` : member.zone;
      return {
        id: member.id,
        zone,
        weight: member.weight,
        scores: scoresOf(member),
        cap: 0,
        load: 0,
      };
    })
    .sort((a, b) => (a.id < b.id ? -1 : 1));
  const replicas = Math.min(n, seats.length);
  const orders = Array.from({ length: PARTITIONS }, (_, partition) => byScore(seats, partition));
  const owners = new Matching(seats, orders, replicas).find();
  return orders.map((order, partition) => {
    const own = owners[partition] as readonly Seat[];
    const first: string[] = [];
    const rest: string[] = [];
    for (const seat of order) (own.includes(seat) ? first : rest).push(seat.id);
    return [...first, ...rest];
  });
}

/** The members by their score for a partition, best first. */
function byScore(seats: readonly Seat[], partition: number): readonly Seat[] {
  const scores = Float64Array.from(seats, (seat) => seat.scores[partition] as number);
  const order = Uint16Array.from(seats, (_, i) => i);
  order.sort((a, b) => (scores[b] as number) - (scores[a] as number) || a - b);
  return Array.from(order, (i) => seats[i] as Seat);
}

/**
 * Finds the owners: takes the pairs by score as far as zones and caps allow, then fills the rest by
 * exchange.
 */
class Matching {
  readonly #seats: readonly Seat[];
  /** The members by score, for each partition. */
  readonly #orders: readonly (readonly Seat[])[];
  readonly #replicas: number;
  /** The most owners of one partition in one zone. */
  readonly #perZone: number;
  readonly #owners: Seat[][] = Array.from({ length: PARTITIONS }, () => []);

  constructor(seats: readonly Seat[], orders: readonly (readonly Seat[])[], replicas: number) {
    this.#seats = seats;
    this.#orders = orders;
    this.#replicas = replicas;
    const sizes = new Map<string, number>();
    for (const { zone } of seats) sizes.set(zone, (sizes.get(zone) ?? 0) + 1);
    this.#perZone = mostPerZone([...sizes.values()], replicas);
    setCaps(seats, replicas, this.#perZone);
  }

  find(): Seat[][] {
    this.#takeByScore();
    for (const [partition, owners] of this.#owners.entries()) {
      while (owners.length < this.#replicas) this.#squeeze(partition);
    }
    return this.#owners;
  }

  /**
   * Takes the pairs in the order of their scores. The next one is the best that is left of some
   * partition. A partition with all its owners has no further pair.
   */
  #takeByScore(): void {
    const next = new Uint32Array(PARTITIONS);
    const scoreOf = (partition: number): number =>
      this.#orders[partition]?.[next[partition] as number]?.scores[partition] ?? -Infinity;
    const open = new MaxHeap(PARTITIONS, scoreOf);
    for (let partition = open.top; scoreOf(partition) > -Infinity; partition = open.top) {
      const seat = this.#orders[partition]?.[next[partition] as number] as Seat;
      if (seat.load < seat.cap && this.#fits(partition, seat)) this.#take(partition, seat);
      const isDone = this.#owners[partition]?.length === this.#replicas;
      next[partition] = isDone ? this.#seats.length : (next[partition] as number) + 1;
      open.sink();
    }
  }

  #fits(partition: number, seat: Seat): boolean {
    const owners = this.#owners[partition] as Seat[];
    if (owners.length >= this.#replicas || owners.includes(seat)) return false;
    return (
      owners.reduce((count, { zone }) => count + Number(zone === seat.zone), 0) < this.#perZone
    );
  }

  #take(partition: number, seat: Seat): void {
    this.#owners[partition]?.push(seat);
    seat.load += 1;
  }

  /**
   * Adds an owner to a partition for which every possible owner is full. The best of them passes
   * one of its partitions to a member with room. If no member can take one, the least loaded goes
   * over its cap.
   */
  #squeeze(partition: number): void {
    const fitting = this.#seats.filter((seat) => this.#fits(partition, seat));
    const score = (seat: Seat): number => seat.scores[partition] as number;
    fitting.sort((a, b) => score(b) - score(a));
    for (const full of fitting) {
      if (full.load < full.cap || this.#makeRoom(full)) return this.#take(partition, full);
    }
    const spare =
      fitting.sort((a, b) => a.load / a.cap - b.load / b.cap)[0] ?? this.#outsideZones(partition);
    this.#take(partition, spare);
  }

  /**
   * Moves one partition of a full member to a member with room: the one that loses the least score.
   * Returns whether there was one.
   */
  #makeRoom(full: Seat): boolean {
    let best: { partition: number; to: Seat; cost: number } | undefined;
    for (const [partition, owners] of this.#owners.entries()) {
      const at = owners.indexOf(full);
      if (at < 0) continue;
      owners.splice(at, 1);
      for (const to of this.#seats) {
        if (to === full || to.load >= to.cap || !this.#fits(partition, to)) continue;
        const cost = (full.scores[partition] as number) - (to.scores[partition] as number);
        if (best === undefined || cost < best.cost) best = { partition, to, cost };
      }
      owners.splice(at, 0, full);
    }
    if (best === undefined) return false;
    const owners = this.#owners[best.partition] as Seat[];
    owners.splice(owners.indexOf(full), 1);
    full.load -= 1;
    this.#take(best.partition, best.to);
    return true;
  }

  /**
   * A member outside the owners, for zones too small: a second replica in a full zone is better
   * than none.
   */
  #outsideZones(partition: number): Seat {
    const owners = this.#owners[partition] as Seat[];
    return this.#seats.find((seat) => !owners.includes(seat)) as Seat;
  }
}

/**
 * The smallest number of owners per zone with which zones of these sizes hold all replicas of a
 * partition.
 */
function mostPerZone(sizes: readonly number[], replicas: number): number {
  for (let most = 1; ; most++) {
    if (sizes.reduce((sum, size) => sum + Math.min(size, most), 0) >= replicas) return most;
  }
}

/**
 * Sets every member's cap: its fair share of all replicas within the limit of its zone, either
 * rounded up or times `PLACEMENT_CAP`, whichever is more.
 */
function setCaps(seats: readonly Seat[], replicas: number, perZone: number): void {
  const byZone = new Map<string, Seat[]>();
  for (const seat of seats) byZone.set(seat.zone, [...(byZone.get(seat.zone) ?? []), seat]);
  const zones = [...byZone.values()];
  const zoneShares = fairShares(
    replicas * PARTITIONS,
    zones.map((zone) => {
      const weight = zone.reduce((sum, seat) => sum + seat.weight, 0);
      return { weight, most: PARTITIONS * Math.min(perZone, zone.length) };
    }),
  );
  for (const [i, zone] of zones.entries()) {
    const shares = fairShares(
      zoneShares[i] as number,
      zone.map(({ weight }) => ({ weight, most: PARTITIONS })),
    );
    for (const [j, seat] of zone.entries()) {
      const share = shares[j] as number;
      seat.cap = Math.max(Math.ceil(share - 1e-9), Math.floor(PLACEMENT_CAP * share));
    }
  }
}

/**
 * Divides `total` by weight, with at most `most` for each taker. The excess goes to the others,
 * again by weight.
 */
function fairShares(total: number, takers: readonly { weight: number; most: number }[]): number[] {
  const shares = takers.map(() => 0);
  let open = takers.map((_, i) => i);
  for (let left = total; open.length > 0 && left > 1e-9;) {
    const weights = open.reduce((sum, i) => sum + (takers[i]?.weight ?? 0), 0);
    const before = left;
    const isFull = (i: number): boolean =>
      (shares[i] as number) + (before * (takers[i]?.weight ?? 0)) / weights >=
      (takers[i]?.most ?? 0);
    const full = open.filter(isFull);
    for (const i of full.length > 0 ? full : open) {
      const most = takers[i]?.most ?? 0;
      const share =
        full.length > 0
          ? most - (shares[i] as number)
          : (before * (takers[i]?.weight ?? 0)) / weights;
      shares[i] = (shares[i] as number) + share;
      left -= share;
    }
    open = full.length > 0 ? open.filter((i) => !full.includes(i)) : [];
  }
  return shares;
}
