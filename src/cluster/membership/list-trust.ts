/**
 * Whether this node may rely on its member list: does the list name every member that may hold
 * data? A node that has lost its disk hears of the others one by one. It must not take the first
 * few for all members, or it would serve keys without asking the real owners.
 *
 * The node relies on its list in three cases. It has begun the cluster, it has kept the list on its
 * disk, or a member that relies on its own list has the same.
 */
import type { MemberList, MemberRecord } from '../../core/placement/member-list.ts';

/**
 * The list of another member, as the member describes it: its hash, and whether that member relies
 * on it.
 */
export interface ListSummary {
  readonly hash: number;
  readonly isInformed: boolean;
}

/** Decides whether this node may rely on its list. */
export class ListTrust {
  readonly #list: MemberList;
  readonly #self: string;
  #isInformed: boolean;
  #hasMetOthers: boolean;
  /**
   * The members that were joining or leaving when the list was kept, with the generation of each.
   * They may have advanced since, and the owners may be others now. This node is among them: it
   * announces that it has joined before its disk has that state.
   */
  readonly #awaited: Map<string, number>;
  /** The members whose lists have the present hash of the list here. */
  #agreed = { hash: -1, names: new Set<string>() };

  /** `list` has the records that were kept for this start, and no other. */
  constructor(list: MemberList, self: string) {
    this.#list = list;
    this.#self = self;
    const kept = list.all();
    const before = list.get(self);
    this.#hasMetOthers = kept.some((record) => record.name !== self);
    const isPending = ({ state }: MemberRecord): boolean =>
      this.#hasMetOthers && (state === 'joining' || state === 'leaving');
    this.#awaited = new Map(
      kept.filter(isPending).map((record) => [record.name, record.generation]),
    );
    // A node that was killed before it heard of another member has kept a list that only names
    // itself.
    this.#isInformed = this.#hasMetOthers || (before !== undefined && before.state !== 'joining');
  }

  /** Whether this node may rely on its list now. */
  get isInformed(): boolean {
    return this.#isInformed && this.#awaited.size === 0;
  }

  /**
   * Whether the list may be kept for the next start. The next start would take an incomplete list
   * for the whole one.
   */
  get isWorthKeeping(): boolean {
    return this.#isInformed;
  }

  /** Whether this node has ever known a cluster with other members. */
  get hasMetOthers(): boolean {
    return this.#hasMetOthers;
  }

  /**
   * The other members that this node must hear of first, because they were joining or leaving when
   * its list was kept.
   */
  get awaitedMembers(): readonly string[] {
    return [...this.#awaited.keys()].filter((name) => name !== this.#self);
  }

  /** Notes the hash of the list of another member, and whether that member relies on it. */
  noteList(name: string, { hash, isInformed }: ListSummary): void {
    if (hash !== this.#list.hash) return;
    if (isInformed) {
      this.#isInformed = true;
      this.#hasMetOthers = true;
      this.#awaited.clear();
    }
    // The member has the same list, so it has told its own state, unless it has lost its disk
    // since. In that case no living member knows more, once all of them have the same list.
    if (this.#awaited.get(name) === this.#list.get(name)?.generation) this.#awaited.delete(name);
    if (this.#agreed.hash !== hash) this.#agreed = { hash, names: new Set([this.#self]) };
    const { names } = this.#agreed;
    names.add(name);
    if (this.#list.in('up', 'joining', 'leaving').every((member) => names.has(member.name)))
      this.#awaited.clear();
  }

  /** Relies on the list from now on, because this node begins a cluster. */
  begin(): void {
    this.#isInformed = true;
    this.#awaited.clear();
  }

  /** Forgets a member that is gone, so that this node does not wait for it. */
  forgetMember(name: string): void {
    this.#awaited.delete(name);
  }
}
