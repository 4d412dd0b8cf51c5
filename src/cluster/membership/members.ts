/**
 * The members of the cluster as this node knows them, and the owners that follow from them
 * (`ownership.ts`).
 */
import { callAll } from '../../base/call-all.ts';
import { MecError } from '../../base/errors.ts';
import {
  MemberList,
  type MemberRecord,
  type MemberState,
  NEVER_UP,
  NEXT_STATES,
  type PlacementFields,
  placementFieldsOf,
  toGone,
  withPlaceKept,
} from '../../core/placement/member-list.ts';
import { answerToRecord } from '../../core/placement/own-record.ts';
import {
  flawOf,
  mayFollow,
  type MergeResult,
  type RefusedRecord,
} from '../../core/placement/record-flaw.ts';
import type { Config } from '../config.ts';
import { EndedLives } from './ended-lives.ts';
import { type ListSummary, ListTrust } from './list-trust.ts';
import { type Missed, MissedOwners } from './missed-owners.ts';
import { Ownership, type OwnerView, type Share } from './ownership.ts';

type OwnConfig = Pick<
  Config,
  'name' | 'host' | 'port' | 'httpport' | 'zone' | 'weight' | 'quorum'
> &
  Partial<Pick<Config, 'nodes'>>;

/** The member list, the record of this node in it, and the owners that follow from it. */
export class Members {
  /** This node's name. */
  readonly self: string;
  readonly n: number;
  readonly #list = new MemberList();
  readonly #listeners: ((record: MemberRecord) => void)[] = [];
  readonly #ownership: Ownership;
  readonly #trust: ListTrust;
  readonly #lives: readonly string[];
  readonly #endedLives = new EndedLives();
  readonly #hasSeeds: boolean;
  readonly #missedOwners: MissedOwners;
  readonly #configured: PlacementFields;
  /** The hash of the placements by the list on the disk. */
  #keptPlacements: number;

  /**
   * `life` is the life of this process. `kept` is the list on the disk, and `missedNames` are the
   * names that were kept with it.
   */
  constructor(
    config: OwnConfig,
    kept: readonly MemberRecord[],
    life: string,
    missedNames: readonly string[] = [],
  ) {
    const { name, host, port, httpport } = config;
    this.self = name;
    this.n = config.quorum.n;
    this.#hasSeeds = (config.nodes ?? []).some((seed) => seed.host !== host || seed.port !== port);
    this.#ownership = new Ownership(name, this.n);
    for (const record of kept) this.#list.merge(record);
    this.#missedOwners = new MissedOwners(name, this.n);
    for (const missed of missedNames) this.#missedOwners.restore(missed, this.#list.get(missed));
    this.#trust = new ListTrust(this.#list, name);
    const before = this.#list.get(name);
    this.#lives = before === undefined ? [life] : [life, before.life];
    this.#configured = placementFieldsOf(config);
    // A node that has met no cluster is not a member yet. A member keeps its weight and zone, even
    // while it joins: the others may know already that it is up, and its disk may not.
    const isMember = before !== undefined && this.#trust.isWorthKeeping;
    const fields = placementFieldsOf(isMember ? before : config);
    const own = { name, host, port, httpport, ...fields, settled: 0 };
    this.#list.merge({
      ...own,
      state: before?.state ?? 'joining',
      generation: before?.generation ?? 1,
      life,
      version: (before?.version ?? 0) + 1,
    });
    this.#ownership.place(this.#list);
    this.#keptPlacements = this.placementsHash;
  }

  /** Calls `listener` with every record that changes, after the change. */
  onChange(listener: (record: MemberRecord) => void): void {
    this.#listeners.push(listener);
  }

  get own(): MemberRecord {
    return this.#list.get(this.self) as MemberRecord;
  }

  /**
   * The weight and zone in the configuration, if those of the record are others. They will count
   * when this node has left and joined again.
   */
  get ignoredFields(): PlacementFields | undefined {
    const { weight, zone } = this.#configured;
    return weight === this.own.weight && zone === this.own.zone ? undefined : { weight, zone };
  }

  /** The present life of a node; undefined if it is not a member, or is gone. */
  lifeOf(name: string): string | undefined {
    const record = this.#list.get(name);
    return record === undefined || record.state === 'gone' ? undefined : record.life;
  }

  /**
   * Whether this node knows that a life of a member is over: the member is gone, or another life
   * has followed. Any other life may be one that this node has not heard of yet.
   */
  hasEnded(name: string, life: string): boolean {
    const record = this.#list.get(name);
    // A late record of the life before may have won over that of the present life for a while.
    return record?.state === 'gone' || (this.#endedLives.has(life) && record?.life !== life);
  }

  get(name: string): MemberRecord | undefined {
    return this.#list.get(name);
  }

  /** All records, including those of members that are gone. */
  all(): readonly MemberRecord[] {
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
   * The list to keep for the next start. If this node does not rely on its list yet, it keeps only
   * its own record, as joining. The next start would otherwise take the few known members for all.
   * It may have been up in this generation already. Then the others keep it as up (`supersedes`,
   * `withPlaceKept`), and it takes its place back in the next generation.
   */
  get listToKeep(): MemberList {
    if (this.#trust.isWorthKeeping) return this.#list;
    const { own } = this;
    const list = new MemberList();
    list.merge(own.state === 'gone' ? own : { ...own, state: 'joining' });
    return list;
  }

  /** The n to keep for the next start; undefined as long as this node belongs to no cluster. */
  get nToKeep(): number | undefined {
    return this.#trust.isWorthKeeping ? this.n : undefined;
  }

  /** Whether this node may rely on its list to name every member that may hold data. */
  get isInformed(): boolean {
    return this.#trust.isInformed;
  }

  /** Whether this node knows the owners: it relies on its list, and a listed member is one. */
  get knowsOwners(): boolean {
    return this.replicas > 0 && this.isInformed;
  }

  /**
   * The error if this node does not know the owners yet; undefined if it does. Such a node would
   * compute wrong owners, and read from a quorum that acknowledged writes may miss. A coordinator
   * with an older list would count it for owners of before. The error names the members that the
   * node must hear from.
   */
  whyNotReady(): MecError | undefined {
    if (this.knowsOwners) return undefined;
    const detail = this.isInformed ? 'No member of the cluster is up yet.' : this.#trust.lack;
    return new MecError('not-ready', { retryAfter: 1, detail, mayTakeEffect: false });
  }

  /** Throws `not-ready` if this node does not know the owners yet. */
  assertReady(): void {
    const error = this.whyNotReady();
    if (error !== undefined) throw error;
  }

  /** Notes the hash of the list of another member, and whether that member relies on it. */
  noteList(name: string, summary: ListSummary): void {
    this.#trust.noteList(name, summary);
    // A member that is listed as joining may be up already, and may have told only one that ended.
    const mayBeUp = this.in('joining').length > 0;
    if (!mayBeUp && this.#trust.hasMajority(this.missedNames)) this.#missedOwners.clear();
  }

  /** Begins a cluster: no other member exists. */
  beginCluster(): void {
    this.#trust.begin();
    this.enterState('up');
  }

  /**
   * Whether the configuration names other nodes, and this node has never heard of any. It must not
   * conclude that it is the only member: it may have lost its disk.
   */
  get isLonely(): boolean {
    return this.#hasSeeds && this.#list.size === 1;
  }

  /** Merges a record from another node. Returns whether it was news. */
  merge(said: MemberRecord): boolean {
    return this.mergeAll([said]).changed > 0;
  }

  /**
   * Merges the records of one message. Leaves out those with a flaw, and returns them, with the
   * number of records that were news. The owners are computed once for all records, because that
   * takes milliseconds.
   */
  mergeAll(records: readonly MemberRecord[]): MergeResult {
    const changed: MemberRecord[] = [];
    const refused: RefusedRecord[] = [];
    for (const said of records) {
      const known = this.#list.get(said.name);
      const flaw = flawOf(said, this.#list);
      if (flaw === undefined) {
        const news = said.name === this.self ? this.#mergeOwn(said) : this.#mergeOther(said, known);
        if (news !== undefined) changed.push(news);
      } else refused.push({ name: said.name, flaw });
    }
    this.#announce(changed);
    return { changed: changed.length, refused };
  }

  /** Returns the record that is news, or undefined. */
  #mergeOther(said: MemberRecord, known: MemberRecord | undefined): MemberRecord | undefined {
    const record = withPlaceKept(said, known);
    if (!this.#list.merge(record)) return undefined;
    if (known !== undefined && known.life !== record.life) this.#endedLives.note(known.life);
    this.#missedOwners.note(record, known, this.nextHash);
    return record;
  }

  /** Returns this node's answer to a record of itself if that is news, or undefined. */
  #mergeOwn(received: MemberRecord): MemberRecord | undefined {
    const { own } = this;
    const answer = answerToRecord(received, {
      own,
      hasMetOthers: this.#trust.hasMetOthers,
      lives: this.#lives,
      configured: this.#configured,
    });
    if (answer === undefined || !this.#list.merge(answer)) return undefined;
    const isSuccessor = answer.generation > own.generation;
    if (isSuccessor && this.#trust.hasMetOthers) this.#missedOwners.noteNamesake();
    return answer;
  }

  /** Whether other members may have taken this life for over, and have closed its writes. */
  get mayBeTakenForDead(): boolean {
    return this.own.state === 'gone' || this.#missedOwners.hasNamesake;
  }

  /** Enters another state. Does nothing if that state cannot follow. */
  enterState(state: MemberState): void {
    const { own } = this;
    if (!NEXT_STATES[own.state].includes(state)) return;
    const settled = own.state === 'joining' ? NEVER_UP : this.nextHash;
    const next = { ...own, state, version: own.version + 1 };
    this.#keepOwn(state === 'gone' ? toGone(own, settled) : next);
  }

  /** Notes that this node has all its data for the placement of this hash; 0 if it has not. */
  setSettled(settled: number): void {
    const { own } = this;
    if (own.settled !== settled) this.#keepOwn({ ...own, settled, version: own.version + 1 });
  }

  /**
   * Raises the version of the own record, because a suspicion of that version is wrong. Returns
   * false if this node cannot have had that version: others would refuse a record that exceeds it.
   */
  refute(version: number): boolean {
    const { own } = this;
    if (!mayFollow(version + 1, own.version)) return false;
    if (version >= own.version) this.#keepOwn({ ...own, version: version + 1 });
    return true;
  }

  /** Declares that a member will never return. */
  remove(name: string): void {
    const record = this.#list.get(name);
    if (record === undefined || record.state === 'gone') return;
    this.merge(toGone(record));
  }

  #keepOwn(record: MemberRecord): void {
    if (this.#list.merge(record)) this.#announce([record]);
  }

  #announce(changed: readonly MemberRecord[]): void {
    if (changed.length === 0) return;
    for (const { name, state } of changed) if (state === 'gone') this.#trust.forgetMember(name);
    this.#ownership.place(this.#list);
    const calls = changed.flatMap((record) =>
      this.#listeners.map((listener) => (): void => listener(record)),
    );
    callAll(calls, (call) => call());
  }

  /** The number of replicas of each partition: N, or all members that are up if they are fewer. */
  get replicas(): number {
    return this.#ownership.replicas;
  }

  get placementsHash(): number {
    return this.#ownership.placementsHash;
  }

  /** Whether the list on the disk has the present placements, which a start would restore. */
  get arePlacementsKept(): boolean {
    return this.#keptPlacements === this.placementsHash;
  }

  /** Notes the hash of the placements by the list on the disk. */
  notePlacementsKept(hash: number): void {
    this.#keptPlacements = hash;
  }

  /** Grows with every owner that this node may have missed. */
  get missedOwners(): number {
    return this.#missedOwners.version;
  }

  /** The names of the owners that this node may have missed, to keep with the list. */
  get missedNames(): readonly string[] {
    return this.#missedOwners.names;
  }

  /** The partitions of which another member may have been an owner in place of this node. */
  get missed(): Missed {
    return this.#missedOwners.missedOnes(this.#list);
  }

  get nextHash(): number {
    return this.#ownership.nextHash;
  }

  /** The members that own a partition, best first. */
  owners(partition: number): readonly string[] {
    return this.#ownership.owners(partition);
  }

  /** The pending owners of a partition: they own it once they have caught up. */
  pendingOwners(partition: number): readonly string[] {
    return this.#ownership.pendingOwners(partition);
  }

  /** The owners and the next owners of a partition. It is the same object until they change. */
  view(partition: number): OwnerView {
    return this.#ownership.view(partition);
  }

  /** The other members, in the order in which they become fallbacks of a partition. */
  fallbacks(partition: number): readonly string[] {
    return this.#ownership.fallbacks(partition);
  }

  /** Whether these members are a majority of the owners of each partition whose owners change. */
  areMajorities(names: ReadonlySet<string>): boolean {
    return this.#ownership.areMajorities(names);
  }

  owns(partition: number): boolean {
    return this.#ownership.owns(partition);
  }

  /** Whether a member is a holder of a partition: an owner or a pending owner. */
  holds(partition: number, name = this.self): boolean {
    return this.#ownership.holds(partition, name);
  }

  otherHolders(partition: number): readonly string[] {
    return this.#ownership.otherHolders(partition);
  }

  /** The number of partitions that a member owns, and of those of which it is a pending owner. */
  shareOf(name: string): Share {
    return this.#ownership.shareOf(name);
  }

  /** The partitions of which this node is a pending owner. */
  get ownPendingPartitions(): readonly number[] {
    return this.#ownership.ownPendingPartitions;
  }
}
