/**
 * The members of the cluster as this node knows them, and who holds what by that.
 *
 * There are two placements: the present one, of all members that are up or leaving, and the next
 * one, of those that are up or joining. An owner of the next placement alone is a pending owner: it
 * takes writes and catches up, but counts for no quorum.
 */
import { hashText32 } from '../../base/hash.ts';
import {
  MemberList,
  type MemberRecord,
  type MemberState,
  NEXT_STATES,
  placementHash,
  toPlaced,
} from '../../core/placement/member-list.ts';
import type { OwnerSets } from '../../core/quorum/joint-tally.ts';
import { answerTo } from '../../core/placement/own-record.ts';
import { placement, type Placement } from '../../core/placement/placement.ts';
import type { Config } from '../config.ts';

/**
 * The owners of a partition as this node knows them. A new object takes its place whenever they
 * change, also if they change back.
 */
export interface OwnerView extends OwnerSets {
  /** The same on all nodes that know the same owners and next owners. */
  readonly name: string;
}

/** Who holds a partition. */
interface PartitionHolders {
  readonly owners: readonly string[];
  readonly pending: readonly string[];
  readonly fallbacks: readonly string[];
  readonly view: OwnerView;
  /** Whether this node is a holder: an owner or a pending owner. */
  readonly isHeld: boolean;
  /** All other holders. */
  readonly otherHolders: readonly string[];
}

/** How many partitions a member owns, and of how many it is a pending owner. */
export interface Share {
  readonly owned: number;
  readonly pending: number;
}

const NO_SHARE: Share = { owned: 0, pending: 0 };

type OwnConfig = Pick<Config, 'name' | 'host' | 'port' | 'httpport' | 'zone' | 'weight' | 'quorum'> &
  Partial<Pick<Config, 'nodes'>>;

/** The member list, and who owns what by it. */
export class Members {
  /** This node's name. */
  readonly self: string;
  readonly n: number;
  readonly #list = new MemberList();
  readonly #listeners: ((record: MemberRecord) => void)[] = [];
  #places: readonly PartitionHolders[] = [];
  #shares: ReadonlyMap<string, Share> = new Map();
  #ownPending: readonly number[] = [];
  #placedHash = -1;
  #replicas = 0;
  #nextHash = 0;
  #isInformed: boolean;
  #hasMet: boolean;
  /**
   * Members that were joining or leaving when the list was kept, with the generation of each. They
   * may have gone on since, and then the owners are others.
   */
  readonly #unheard: Map<string, number>;
  /** The members that have told this node the hash that its list has now. */
  #agreed = { hash: -1, names: new Set<string>() };
  readonly #lives: readonly string[];
  readonly #hasSeeds: boolean;

  /** `life` is that of this process; `kept` the list that lies on the disk. */
  constructor(config: OwnConfig, kept: readonly MemberRecord[], life: string) {
    const { name, host, port, httpport, zone, weight } = config;
    this.self = name;
    this.n = config.quorum.n;
    this.#hasSeeds = (config.nodes ?? []).some((seed) => seed.host !== host || seed.port !== port);
    for (const record of kept) this.#list.merge(record);
    const before = this.#list.get(name);
    this.#lives = before === undefined ? [life] : [life, before.life];
    this.#hasMet = kept.some((record) => record.name !== name);
    const isPending = ({ name: other, state }: MemberRecord): boolean =>
      other !== name && (state === 'joining' || state === 'leaving');
    this.#unheard = new Map(kept.filter(isPending).map((record) => [record.name, record.generation]));
    // A node that was killed before it heard of any other has kept a list that names itself.
    this.#isInformed = this.#hasMet || (before !== undefined && before.state !== 'joining');
    const own = { name, host, port, httpport, zone, weight, settled: 0 };
    this.#list.merge({
      ...own,
      state: before?.state ?? 'joining',
      generation: before?.generation ?? 1,
      life,
      version: (before?.version ?? 0) + 1,
    });
    this.#place();
  }

  /** Calls `listener` with every record that changes, once it holds. */
  onChange(listener: (record: MemberRecord) => void): void {
    this.#listeners.push(listener);
  }

  get own(): MemberRecord {
    return this.#list.get(this.self) as MemberRecord;
  }

  /** The present life of a node; undefined if it is no member, or gone. */
  lifeOf(name: string): string | undefined {
    const record = this.#list.get(name);
    return record === undefined || record.state === 'gone' ? undefined : record.life;
  }

  /** A member by name, or undefined. */
  get(name: string): MemberRecord | undefined {
    return this.#list.get(name);
  }

  /** All records, those of members that are gone included. */
  all(): MemberRecord[] {
    return this.#list.all();
  }

  in(...states: readonly MemberState[]): MemberRecord[] {
    return this.#list.in(...states);
  }

  /** Differs between nodes whose lists differ. */
  get hash(): number {
    return this.#list.hash;
  }

  /**
   * What is to be kept of the list for the next start. Of one that may not be relied on yet, that
   * is only who this node is, and it joins: were the others that it has heard of kept, the next
   * start would take them for all.
   */
  get lasting(): MemberList {
    if (this.#isInformed) return this.#list;
    const { own } = this;
    const list = new MemberList();
    list.merge(own.state === 'gone' ? own : { ...own, state: 'joining' });
    return list;
  }

  /**
   * Whether the list may be relied on for who else holds data: it was kept from before, or a member
   * whose list may be relied on had the very same, or there is nobody else. A node that has lost
   * its disk hears of the others one by one, and must not take the first for all.
   */
  get isInformed(): boolean {
    return this.#isInformed && this.#unheard.size === 0;
  }

  /**
   * Members of which this node must hear first: they were joining or leaving when its list was
   * kept.
   */
  get unheard(): readonly string[] {
    return [...this.#unheard.keys()];
  }

  /** Another member has told the hash of its list, and whether that list may be relied on. */
  heard(name: string, { hash, isInformed }: { readonly hash: number; readonly isInformed: boolean }): void {
    if (hash !== this.hash) return;
    if (isInformed) {
      this.#isInformed = true;
      this.#hasMet = true;
      this.#unheard.clear();
    }
    // It has told its own state, unless it has lost its disk since. Then no member that lives knows
    // more, once all of them have the same list: a member becomes an owner only if each of them has
    // kept a list with that member before.
    if (this.#unheard.get(name) === this.get(name)?.generation) this.#unheard.delete(name);
    if (this.#agreed.hash !== hash) this.#agreed = { hash, names: new Set([this.self]) };
    const { names } = this.#agreed;
    names.add(name);
    if (this.in('up', 'joining', 'leaving').every((member) => names.has(member.name))) this.#unheard.clear();
  }

  /** This node begins a cluster: there is no other member to hear of. */
  begin(): void {
    this.#isInformed = true;
    this.become('up');
  }

  /**
   * Whether the configuration names other nodes, and none was ever heard of. A node that has lost
   * its disk and cannot reach the others begins a cluster of its own. That it is the only member is
   * no evidence then.
   */
  get isLonely(): boolean {
    return this.#hasSeeds && this.#list.all().length === 1;
  }

  /** Takes in what another node knows; tells whether it was news. */
  merge(record: MemberRecord): boolean {
    if (record.name === this.self) return this.#mergeOwn(record);
    if (!this.#list.merge(record)) return false;
    this.#changed(record);
    return true;
  }

  #mergeOwn(said: MemberRecord): boolean {
    const answer = answerTo(said, { own: this.own, hasMet: this.#hasMet, lives: this.#lives });
    return answer !== undefined && this.#keepOwn(answer);
  }

  /** This node goes on to another state; does nothing where that cannot follow. */
  become(state: MemberState): void {
    const { own } = this;
    if (!NEXT_STATES[own.state].includes(state)) return;
    this.#keepOwn({ ...own, state, version: own.version + 1 });
  }

  /** This node has all its data for the placement of that hash; 0 where it has not. */
  settle(settled: number): void {
    const { own } = this;
    if (own.settled !== settled) this.#keepOwn({ ...own, settled, version: own.version + 1 });
  }

  /** This node still lives, whatever is said of it. */
  refute(version: number): void {
    const { own } = this;
    if (version >= own.version) this.#keepOwn({ ...own, version: version + 1 });
  }

  /** A member will never return. */
  remove(name: string): void {
    const record = this.#list.get(name);
    if (record === undefined || record.state === 'gone') return;
    this.merge({ ...record, state: 'gone', version: record.version + 1 });
  }

  #keepOwn(record: MemberRecord): boolean {
    if (!this.#list.merge(record)) return false;
    this.#changed(record);
    return true;
  }

  #changed(record: MemberRecord): void {
    if (record.state === 'gone') this.#unheard.delete(record.name);
    this.#place();
    for (const listener of this.#listeners) listener(record);
  }

  #place(): void {
    const current = this.#list.in('up', 'leaving');
    const joined = this.#list.in('up', 'joining');
    const hash = hashText32(`${placementHash(current, this.n)} ${placementHash(joined, this.n)}`);
    if (hash === this.#placedHash) return;
    this.#placedHash = hash;
    this.#nextHash = placementHash(joined, this.n);
    this.#replicas = Math.min(this.n, current.length);
    const now: Placement = placement(toPlaced(current), this.n);
    const next: Placement = placement(toPlaced(joined), this.n);
    const own = Math.min(this.n, joined.length);
    this.#places = now.map((order, partition) => {
      const owners = order.slice(0, this.#replicas);
      const after = next[partition] as readonly string[];
      const nextOwners = after.slice(0, own);
      const pending = nextOwners.filter((name) => !owners.includes(name));
      const rest = [...new Set([...order, ...after])];
      const fallbacks = rest.filter((name) => !owners.includes(name) && !pending.includes(name));
      const view = viewOf({ owners, nextOwners }, this.#places[partition]?.view);
      const holders = [...owners, ...pending];
      const otherHolders = holders.filter((name) => name !== this.self);
      return { owners, pending, fallbacks, view, isHeld: otherHolders.length < holders.length, otherHolders };
    });
    this.#shares = sharesOf(this.#places);
    this.#ownPending = [...this.#places.keys()].filter((partition) => this.pending(partition).includes(this.self));
  }

  /** Replicas of each partition: N, or as many as there are members that are up. */
  get replicas(): number {
    return this.#replicas;
  }

  /** A name for both placements. */
  get placedHash(): number {
    return this.#placedHash;
  }

  /** A name for the next placement. */
  get nextHash(): number {
    return this.#nextHash;
  }

  /** The members that own a partition, best first. */
  owners(partition: number): readonly string[] {
    return this.#placeOf(partition).owners;
  }

  /** The pending owners of a partition: they own it once they have caught up. */
  pending(partition: number): readonly string[] {
    return this.#placeOf(partition).pending;
  }

  /**
   * The owners and the next owners of a partition: the very same object for as long as they do not
   * change.
   */
  view(partition: number): OwnerView {
    return this.#placeOf(partition).view;
  }

  /** The other members, in the order in which they become fallbacks of a partition. */
  fallbacks(partition: number): readonly string[] {
    return this.#placeOf(partition).fallbacks;
  }

  /** Whether this node owns a partition. */
  owns(partition: number): boolean {
    return this.#placeOf(partition).owners.includes(this.self);
  }

  /** Whether a member is a holder of a partition: an owner or a pending owner. */
  holds(partition: number, name = this.self): boolean {
    const { isHeld, otherHolders } = this.#placeOf(partition);
    return name === this.self ? isHeld : otherHolders.includes(name);
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
  get ownPending(): readonly number[] {
    return this.#ownPending;
  }
}

function viewOf(sets: OwnerSets, before: OwnerView | undefined): OwnerView {
  const name = [sets.owners, sets.nextOwners].map((names) => [...names].sort().join(' ')).join(' > ');
  return before?.name === name ? before : { ...sets, name };
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
