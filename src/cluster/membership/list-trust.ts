/**
 * Whether this node may rely on its member list: does the list name every member that may hold
 * data? A node that has lost its disk hears of the others one by one. It must not take the first
 * few for all members, or it would serve keys without asking the real owners.
 *
 * The node relies on its list in three cases. It has begun the cluster, it has kept the list on its
 * disk, or members that rely on their own lists have the same.
 *
 * One such member is enough for a node that joins. A node that has lost its disk takes its place as
 * an owner again. It may have taken part in a change of owners, and forgotten it. A member that was
 * cut off does not know that change either. But a majority of the members has taken part in it. So
 * a node that has lost its disk needs a majority that does not count itself.
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
  /** The members whose lists have the present hash of the list here, and those that rely on it. */
  #agreed = { hash: -1, names: new Set<string>(), informed: new Set<string>() };

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
  get #awaitedMembers(): readonly string[] {
    const { informed } = this.#agreed;
    const missing = this.#hasLostPlace
      ? this.#others.filter((name) => !informed.has(name))
      : [...this.#awaited.keys()];
    return missing.filter((name) => name !== this.#self);
  }

  /** The reason why this node does not rely on its list yet. */
  get lack(): string {
    const names = this.#awaitedMembers.join(', ');
    return names === ''
      ? 'This node has not found its cluster yet.'
      : `This node must first hear from ${names}. If they never return, declare them gone.`;
  }

  /** Whether this node has lost its disk, and was an owner before. */
  get #hasLostPlace(): boolean {
    const own = this.#list.get(this.#self);
    return !this.#isInformed && own !== undefined && own.state !== 'joining';
  }

  /** The other members that are not gone. */
  get #others(): string[] {
    const living = this.#list.in('up', 'joining', 'leaving').map(({ name }) => name);
    return living.filter((name) => name !== this.#self);
  }

  /** Notes the hash of the list of another member, and whether that member relies on it. */
  noteList(name: string, { hash, isInformed }: ListSummary): void {
    if (hash !== this.#list.hash) return;
    if (this.#agreed.hash !== hash) this.#agreed = { hash, names: new Set(), informed: new Set() };
    const { names, informed } = this.#agreed;
    names.add(name);
    if (isInformed) {
      informed.add(name);
      this.#hasMetOthers = true;
    }
    // The member has the same list, so it has told its own state, unless it has lost its disk
    // since. In that case no living member knows more, once all of them have the same list.
    if (this.#awaited.get(name) === this.#list.get(name)?.generation) this.#awaited.delete(name);
    const others = this.#others;
    const doAllAgree = others.every((other) => names.has(other));
    const majority = Math.floor((others.length + 1) / 2) + 1;
    const enough = this.#hasLostPlace && !doAllAgree ? majority : 1;
    const isEnough = this.#countInformed(others) >= enough;
    if (isEnough) this.#isInformed = true;
    if (isEnough || doAllAgree) this.#awaited.clear();
  }

  /**
   * Whether a majority of the living members and of `ended`, this node included, relies on the same
   * list as this node.
   */
  hasMajority(ended: readonly string[]): boolean {
    const others = this.#others;
    const all = 1 + new Set([...others, ...ended]).size;
    const isSame = this.#agreed.hash === this.#list.hash;
    return this.isInformed && isSame && 2 * (1 + this.#countInformed(others)) > all;
  }

  /** The number of these members that rely on the same list as this node has. */
  #countInformed(members: readonly string[]): number {
    return members.filter((name) => this.#agreed.informed.has(name)).length;
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
