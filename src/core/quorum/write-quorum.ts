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
import type { ErrorCode } from '../../base/errors.ts';
import { Tally } from './tally.ts';

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

const isVoidBy = ({ life, replica }: Omit<StoredWord, 'fences'>, fence: Fence): boolean =>
  fence.later !== life && !(fence.life === life && replica >= fence.replica);

/** A member's acknowledgement that it has stored the write. */
export interface StoredWord {
  /** The number of the replica that stored it, in the life of its node, and that life. */
  readonly replica: number;
  readonly life: string;
  /** The fences that the member has made in this partition. */
  readonly fences: readonly Fence[];
}

/** Counts the acknowledgements of one write. */
export class WriteQuorum {
  readonly tally: Tally;
  readonly #words = new Map<string, Omit<StoredWord, 'fences'> & { readonly isOwner: boolean }>();
  readonly #fences: Fence[] = [];

  /** `needOwners` is the number of acknowledgements that must come from owners. */
  constructor(need: number, needOwners = 0) {
    this.tally = new Tally(need, needOwners);
  }

  /** Records that a member has stored the write. */
  add(member: string, { replica, life, fences }: StoredWord, isOwner: boolean): void {
    this.#words.set(member, { replica, life, isOwner });
    this.tally.succeed(isOwner);
    if (fences.length > 0) this.#fences.push(...fences);
    if (this.#fences.length > 0) this.#voidWords();
  }

  /** Records that a member has failed, or that its acknowledgement does not count. */
  fail(code: ErrorCode, isOwner: boolean): void {
    this.tally.fail(code, isOwner);
  }

  #voidWords(): void {
    for (const [member, word] of this.#words) {
      if (!this.#fences.some((fence) => fence.member === member && isVoidBy(word, fence))) continue;
      this.#words.delete(member);
      this.tally.withdraw(word.isOwner);
    }
  }
}
