/**
 * A quorum write as a pure fold over the replies: on whose word is the write acknowledged?
 *
 * A member that has stored a write may lose its disk before the quorum is met. Its successor is then filled
 * by the others, and counts for reads as soon as enough of them have told it what they have. If its old word
 * counted for the write besides, the write could be acknowledged on disks of which a read need not ask one.
 * So a member that tells a successor what it has makes a fence first, and names it in every later reply: a
 * word of the predecessor is void from then on. Fences live in the process, so a word counts only from the
 * life that its member was known to have when the write began. `test/model/plain-writes.ts` searches these rules.
 */
import type { ErrorCode } from '../../base/errors.ts';
import { Tally } from './tally.ts';

/** A replica of a member that was filled: the member's words count from this replica on. */
export interface Fence {
  readonly member: string;
  /** The number of the replica in the life of its node, and that life. */
  readonly replica: number;
  readonly life: string;
  /** A life of the member that came after that one, if it is known: its words count, too. */
  readonly later: string | undefined;
}

const isVoidBy = ({ life, replica }: Omit<StoredWord, 'fences'>, fence: Fence): boolean =>
  fence.later !== life && !(fence.life === life && replica >= fence.replica);

/** What a member says that has stored a write. */
export interface StoredWord {
  /** The number of the replica that has it, in the life of its node, and that life. */
  readonly replica: number;
  readonly life: string;
  /** The fences that the member has made for others in this partition. */
  readonly fences: readonly Fence[];
}

/** Counts the words of those that were asked to store one write. */
export class WriteQuorum {
  readonly tally: Tally;
  readonly #words = new Map<string, Omit<StoredWord, 'fences'> & { readonly isOwner: boolean }>();
  readonly #fences: Fence[] = [];

  /** `needOwners`: how many of them must be owners. */
  constructor(need: number, needOwners = 0) {
    this.tally = new Tally(need, needOwners);
  }

  /** A member has stored the write. */
  add(member: string, { replica, life, fences }: StoredWord, isOwner: boolean): void {
    this.#words.set(member, { replica, life, isOwner });
    this.tally.succeed(isOwner);
    if (fences.length > 0) this.#fences.push(...fences);
    if (this.#fences.length > 0) this.#voidWords();
  }

  /** A member has failed to, or its word is not one to rely on. */
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
