/**
 * Whether this node may rely on its member list: does the list name every member that may hold
 * data? A node that has lost its disk hears of the others one by one. It must not take the first
 * few for all members, or it would serve keys without asking the real owners.
 *
 * A list is relied on in three cases: this node has begun the cluster, the list was kept on its
 * disk, or a member that relies on its own list has exactly the same one.
 */
import type { MemberList, MemberRecord } from '../../core/placement/member-list.ts';

/** What another member has told of its list: the hash, and whether it may be relied on. */
export interface ToldList {
  readonly hash: number;
  readonly isInformed: boolean;
}

/** Knows how far this node's list may be relied on. */
export class ListTrust {
  readonly #list: MemberList;
  readonly #self: string;
  #isInformed: boolean;
  #hasMet: boolean;
  /**
   * Members that were joining or leaving when the list was kept, with the generation of each. They
   * may have gone on since, and then the owners are others.
   */
  readonly #unheard: Map<string, number>;
  /** The members that have told this node the hash that its list has now. */
  #agreed = { hash: -1, names: new Set<string>() };

  /** `list` has the records that were kept for this start, and no other. */
  constructor(list: MemberList, self: string) {
    this.#list = list;
    this.#self = self;
    const kept = list.all();
    const before = list.get(self);
    this.#hasMet = kept.some((record) => record.name !== self);
    const isPending = ({ name: other, state }: MemberRecord): boolean =>
      other !== self && (state === 'joining' || state === 'leaving');
    this.#unheard = new Map(kept.filter(isPending).map((record) => [record.name, record.generation]));
    // A node that was killed before it heard of any other has kept a list that names itself.
    this.#isInformed = this.#hasMet || (before !== undefined && before.state !== 'joining');
  }

  /** Whether the list may be relied on now. */
  get isInformed(): boolean {
    return this.#isInformed && this.#unheard.size === 0;
  }

  /** Whether the list may be kept for the next start: if not, that would take it for all. */
  get isWorthKeeping(): boolean {
    return this.#isInformed;
  }

  /** Whether this node has known a cluster with other members. */
  get hasMet(): boolean {
    return this.#hasMet;
  }

  /**
   * Members of which this node must hear first: they were joining or leaving when its list was
   * kept.
   */
  get unheard(): readonly string[] {
    return [...this.#unheard.keys()];
  }

  /** Another member has told the hash of its list, and whether that list may be relied on. */
  heard(name: string, { hash, isInformed }: ToldList): void {
    if (hash !== this.#list.hash) return;
    if (isInformed) {
      this.#isInformed = true;
      this.#hasMet = true;
      this.#unheard.clear();
    }
    // It has told its own state, unless it has lost its disk since. Then no member that lives knows
    // more, once all of them have the same list: a member becomes an owner only if each of them has
    // kept a list with that member before.
    if (this.#unheard.get(name) === this.#list.get(name)?.generation) this.#unheard.delete(name);
    if (this.#agreed.hash !== hash) this.#agreed = { hash, names: new Set([this.#self]) };
    const { names } = this.#agreed;
    names.add(name);
    if (this.#list.in('up', 'joining', 'leaving').every((member) => names.has(member.name))) this.#unheard.clear();
  }

  /** This node begins a cluster: there is no other member to hear of. */
  begin(): void {
    this.#isInformed = true;
  }

  /** A member is gone: there is no need to hear of it any more. */
  gone(name: string): void {
    this.#unheard.delete(name);
  }
}
