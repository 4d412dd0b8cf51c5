/**
 * The owners, pending owners and fallbacks of every partition, computed from the member list.
 *
 * There are two placements: the present one, of all members that are up or leaving, and the next
 * one, of those that are up or joining. An owner only by the next placement is a pending owner: it
 * takes writes and catches up, but counts only for the quorum of the next owners.
 */
import { hashText32 } from '../../base/hash.ts';
import {
  type MemberList,
  type MemberRecord,
  placementHash,
  toPlaced,
} from '../../core/placement/member-list.ts';
import { placement, type Placement } from '../../core/placement/placement.ts';
import { areChanging, type OwnerSets } from '../../core/quorum/joint-tally.ts';

/**
 * The owners of a partition as this node knows them. A change makes a new object, even if it
 * restores earlier owners.
 */
export interface OwnerView extends OwnerSets {
  /** Equal on all nodes that know the same owners and next owners. */
  readonly name: string;
  /** A hash of the name. */
  readonly hash: number;
}

/** The members that hold a partition, and those that would in their absence. */
interface PartitionHolders {
  readonly owners: readonly string[];
  readonly pending: readonly string[];
  /** The members that are up or leaving, in the order of the placement. */
  readonly order: readonly string[];
  /** The fallbacks. They may be many, and are computed when they are asked for. */
  fallbacks?: readonly string[];
  readonly view: OwnerView;
  /** Whether this node is a holder: an owner or a pending owner. */
  readonly isHeld: boolean;
  /** All other holders. */
  readonly otherHolders: readonly string[];
}

/** The number of partitions that a member owns, and of those of which it is a pending owner. */
export interface Share {
  readonly owned: number;
  readonly pending: number;
}

const NO_SHARE: Share = { owned: 0, pending: 0 };

/** The owners of every partition, by a member list. */
export class Ownership {
  readonly #self: string;
  readonly #n: number;
  #places: readonly PartitionHolders[] = [];
  #shares: ReadonlyMap<string, Share> = new Map();
  #ownPendingPartitions: readonly number[] = [];
  /** The names of the members that leave. */
  #leaving: ReadonlySet<string> = new Set();
  #placementsHash = -1;
  #ends = -1;
  #replicas = 0;
  #nextHash = 0;

  constructor(self: string, n: number) {
    this.#self = self;
    this.#n = n;
  }

  /** Computes both placements again if the list has changed them. */
  place(list: MemberList): void {
    const current = list.in('up', 'leaving');
    const joined = list.in('up', 'joining');
    const hash = hashText32(`${placementHash(current, this.#n)} ${placementHash(joined, this.#n)}`);
    // A member that was away may know the same owners as before, and not that others came between.
    const ends = endsHash(list.all());
    if (hash === this.#placementsHash && ends === this.#ends) return;
    this.#placementsHash = hash;
    this.#ends = ends;
    // If a node came and leaves, the next placement is that of the time before it came. A member
    // that was away in between was settled for that time, and not for this one.
    const leaving = list.in('leaving');
    this.#leaving = new Set(leaving.map(({ name }) => name));
    const lines = leaving.map(({ name, generation }) => `${name} ${generation}`);
    const nextHash = placementHash(joined, this.#n);
    this.#nextHash = lines.length === 0 ? nextHash : hashText32([nextHash, ...lines].join('\n'));
    this.#replicas = Math.min(this.#n, current.length);
    const now: Placement = placement(toPlaced(current), this.#n);
    // If every member leaves, none takes over, and the owners stay.
    const staying = joined.length > 0 ? joined : current;
    const next: Placement = placement(toPlaced(staying), this.#n);
    const own = Math.min(this.#n, staying.length);
    this.#places = now.map((order, partition) => {
      const owners = order.slice(0, this.#replicas);
      const after = next[partition] as readonly string[];
      const nextOwners = after.slice(0, own);
      const pending = nextOwners.filter((name) => !owners.includes(name));
      const view = viewOf({ owners, nextOwners }, ends, this.#places[partition]?.view);
      const holders = [...owners, ...pending];
      const otherHolders = holders.filter((name) => name !== this.#self);
      return {
        owners,
        pending,
        order,
        view,
        isHeld: otherHolders.length < holders.length,
        otherHolders,
      };
    });
    this.#shares = sharesOf(this.#places);
    this.#ownPendingPartitions = [...this.#places.keys()].filter((partition) =>
      this.pendingOwners(partition).includes(this.#self),
    );
  }

  /**
   * The number of replicas of each partition: N, or the number of members that are up if that is
   * less.
   */
  get replicas(): number {
    return this.#replicas;
  }

  /** A hash of both placements. */
  get placementsHash(): number {
    return this.#placementsHash;
  }

  /** A hash of the next placement. */
  get nextHash(): number {
    return this.#nextHash;
  }

  /** The members that own a partition, best first. */
  owners(partition: number): readonly string[] {
    return this.#placeOf(partition).owners;
  }

  /** The pending owners of a partition: they own it once they have caught up. */
  pendingOwners(partition: number): readonly string[] {
    return this.#placeOf(partition).pending;
  }

  /** The owners and the next owners of a partition. It is the same object until they change. */
  view(partition: number): OwnerView {
    return this.#placeOf(partition).view;
  }

  /**
   * The other members, in the order in which they become fallbacks of a partition. Members that
   * leave come last, since they wait until they hold nothing as a fallback. Members that join are
   * no fallbacks.
   */
  fallbacks(partition: number): readonly string[] {
    const place = this.#placeOf(partition);
    return (place.fallbacks ??= this.#fallbacksOf(place));
  }

  #fallbacksOf({ owners, pending, order }: PartitionHolders): readonly string[] {
    return order
      .filter((name) => !owners.includes(name) && !pending.includes(name))
      .sort((a, b) => Number(this.#leaving.has(a)) - Number(this.#leaving.has(b)));
  }

  /** Whether these members are a majority of the owners of each partition whose owners change. */
  areMajorities(names: ReadonlySet<string>): boolean {
    return this.#places.every(({ owners, view }) => {
      const { length } = owners.filter((name) => names.has(name));
      return !areChanging(view) || 2 * length > owners.length;
    });
  }

  /** Whether this node owns a partition. */
  owns(partition: number): boolean {
    return this.#placeOf(partition).owners.includes(this.#self);
  }

  /** Whether a member is a holder of a partition: an owner or a pending owner. */
  holds(partition: number, name = this.#self): boolean {
    const { isHeld, otherHolders } = this.#placeOf(partition);
    return name === this.#self ? isHeld : otherHolders.includes(name);
  }

  /** All other holders of a partition. */
  otherHolders(partition: number): readonly string[] {
    return this.#placeOf(partition).otherHolders;
  }

  #placeOf(partition: number): PartitionHolders {
    return this.#places[partition] as PartitionHolders;
  }

  /** How many partitions a member owns, and of how many it is a pending owner. */
  shareOf(name: string): Share {
    return this.#shares.get(name) ?? NO_SHARE;
  }

  /** The partitions of which this node is a pending owner. */
  get ownPendingPartitions(): readonly number[] {
    return this.#ownPendingPartitions;
  }
}

const sortedNames = (names: readonly string[]): string => [...names].sort().join(' ');

/** Differs between lists in which other members have ended. */
function endsHash(records: readonly MemberRecord[]): number {
  const ended = records.map(({ name, generation, state }) => ({
    name,
    count: state === 'gone' ? generation : generation - 1,
  }));
  const lines = ended.filter(({ count }) => count > 0).map(({ name, count }) => `${name} ${count}`);
  return hashText32(lines.join('\n'));
}

function viewOf(sets: OwnerSets, ends: number, before: OwnerView | undefined): OwnerView {
  const { owners } = sets;
  const nextOwners = areChanging(sets) ? sets.nextOwners : owners;
  const now = sortedNames(owners);
  const name = `${now} > ${nextOwners === owners ? now : sortedNames(nextOwners)} @${ends}`;
  if (before?.name === name) return before;
  return { owners, nextOwners, name, hash: hashText32(name) };
}

function sharesOf(places: readonly PartitionHolders[]): Map<string, Share> {
  const shares = new Map<string, { owned: number; pending: number }>();
  const count = (name: string, kind: keyof Share): void => {
    const share = shares.get(name) ?? { ...NO_SHARE };
    share[kind] += 1;
    shares.set(name, share);
  };
  for (const { owners, pending } of places) {
    for (const name of owners) count(name, 'owned');
    for (const name of pending) count(name, 'pending');
  }
  return shares;
}
