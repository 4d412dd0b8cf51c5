/**
 * A quorum write as a pure fold over the replies.
 *
 * A member that has stored a write may lose its disk before the quorum is met. The other owners
 * then fill its new replica. That replica counts for reads as soon as enough of them have sent it
 * their state. If the old acknowledgement still counted, the write could be acknowledged on disks
 * that a read quorum can miss.
 *
 * So an owner that fills a new replica first makes a fence, and names it in every later reply. The
 * fence voids acknowledgements of the earlier replica. Fences are in memory only. An
 * acknowledgement therefore counts only in the life that its member had when the write began.
 * `test/model/plain-writes.ts` searches all orders of events.
 */
import type { OwnerSets } from './joint-tally.ts';
import { OwnerQuorum, type Role } from './owner-quorum.ts';

/**
 * A member's replica that another owner has filled. Acknowledgements of the member count only from
 * this replica on.
 */
export interface Fence {
  readonly member: string;
  /** The number of the replica in the life of its node, and that life. */
  readonly replica: number;
  readonly life: string;
  /** A known life of the member after that one, in which acknowledgements count too. */
  readonly later: string | undefined;
}

const isVoidBy = ({ life, replica }: ReplicaWord, fence: Fence): boolean =>
  fence.later !== life && !(fence.life === life && replica >= fence.replica);

/** A member's acknowledgement that it has stored the write. */
export interface StoredWord {
  /** The number of the replica that stored it, in the life of its node, and that life. */
  readonly replica: number;
  readonly life: string;
  /** The fences that the member has made in this partition. */
  readonly fences: readonly Fence[];
  /** The owners as the member knew them then; undefined if they are those of the request. */
  readonly owners?: OwnerSets | undefined;
}

type ReplicaWord = Pick<StoredWord, 'replica' | 'life'>;

/** Counts the acknowledgements of one write. */
export class WriteQuorum extends OwnerQuorum {
  readonly #words = new Map<string, ReplicaWord>();
  readonly #fences: Fence[] = [];

  /**
   * Records that a member has stored the write. Returns the members of other sets of owners, if it
   * has named one.
   */
  add(member: string, word: StoredWord, role: Role): ReadonlySet<string> | undefined {
    const { fences, owners } = word;
    this.#words.set(member, word);
    this.succeed(member, role);
    if (fences.length > 0) this.#fences.push(...fences);
    if (this.#fences.length > 0) this.#voidWords();
    return owners && this.learn(owners);
  }

  #voidWords(): void {
    for (const [member, word] of this.#words) {
      if (!this.#fences.some((fence) => fence.member === member && isVoidBy(word, fence))) continue;
      this.#words.delete(member);
      this.withdraw(member);
    }
  }
}
