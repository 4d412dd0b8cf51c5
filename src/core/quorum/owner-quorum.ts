/**
 * A quorum of the owners of a key, also while they change. Nodes hear of a change one after
 * another. If a coordinator counted only the owners that it knows, an owner that was replaced could
 * make a quorum. A read of the present owners would then miss the write.
 *
 * Every answer therefore names the owners and the next owners that its node knows, if the
 * coordinator did not name the same in its request. The answers must be a quorum of each of these
 * sets. A new owner counts for reads only after a majority of the earlier owners, who knew of it,
 * have sent it their state. So each quorum has a member that names the new set, or that had the
 * write before it sent its state. `test/model/plain-writes.ts` searches all orders of events.
 *
 * As without a change, fallbacks act for owners that cannot answer, unless the request asks for
 * owners. A pending owner that cannot answer needs no fallback: a cluster must not stop because a
 * new node fails as it joins.
 */
import { type ErrorCode, MecError } from '../../base/errors.ts';
import { areChanging, type OwnerSets } from './joint-tally.ts';
import { quorumSize, type Quorum } from './quorum.ts';
import { Tally, type Verdict } from './tally.ts';

/** The answers that a request needs. */
export interface Needs {
  /** The number of replicas that must answer: owners, and fallbacks in their place. */
  readonly any: Quorum;
  /** The number that must be owners; undefined if fallbacks may act for all of them. */
  readonly owners?: Quorum | undefined;
}

/**
 * The reason for which a member is asked. A pending owner counts only for the next owners, and for
 * owners that another node has named.
 */
export type Role = 'owner' | 'pending owner' | 'fallback';

/**
 * The role of a member. A pending owner is no fallback: owners do not know that they must ask it.
 */
export function roleIn({ owners, nextOwners }: OwnerSets, member: string): Role {
  if (owners.includes(member)) return 'owner';
  return nextOwners.includes(member) ? 'pending owner' : 'fallback';
}

/** An answer that counts. */
interface Vote {
  readonly member: string;
  readonly role: Role;
  /** Whether it counts as that of an owner: a replica that is catching up does not. */
  readonly isComplete: boolean;
}

/** A set of owners without a quorum. */
interface Lack {
  readonly kind: 'replicas' | 'owners';
  readonly have: number;
  readonly need: number;
}

/** The vote of a member whose answer will be good. */
const goodVoteOf = (member: string): Vote => ({ member, role: 'owner', isComplete: true });

const NO_SETS: readonly (readonly string[])[] = [];
const NO_MEMBERS: readonly string[] = [];

/** The codes of failures after which the same member may succeed. */
const PASSING: ReadonlySet<ErrorCode> = new Set<ErrorCode>([
  'unreachable',
  'timeout',
  'overloaded',
]);

/** Counts the answers to one request. */
export class OwnerQuorum {
  /** The count of the owners that the coordinator knew at first. */
  readonly tally: Tally;
  readonly #needs: Needs;
  readonly #view: OwnerSets;
  readonly #isAway: (member: string) => boolean;
  /** The other sets of owners. */
  #sets = NO_SETS;
  /** The pending owners that the coordinator knew at first. */
  #pending = NO_MEMBERS;
  #votes: Vote[] = [];
  /** The members that have no vote, and will have none. */
  #absent = NO_MEMBERS;
  /** The members whose request failed, but might not fail again. */
  #failed = NO_MEMBERS;
  /** The members that were asked and have not answered. */
  readonly #unanswered: string[] = [];
  #isOver = false;

  /** `isAway` tells which members cannot be reached, so that a fallback may act for them. */
  constructor(needs: Needs, sets: OwnerSets, isAway: (member: string) => boolean) {
    const { length } = sets.owners;
    this.#needs = needs;
    this.#view = sets;
    this.#isAway = isAway;
    const needOwners = needs.owners === undefined ? 0 : quorumSize(needs.owners, length);
    this.tally = new Tally(quorumSize(needs.any, length), needOwners);
    if (!areChanging(sets)) return;
    this.#sets = [sets.nextOwners];
    this.#pending = sets.nextOwners.filter((member) => !sets.owners.includes(member));
  }

  /** Whether these are the sets that the coordinator knew at first. */
  isView({ owners, nextOwners }: OwnerSets): boolean {
    return isSame(owners, this.#view.owners) && isSame(nextOwners, this.#view.nextOwners);
  }

  /** Adds the sets that a node named. Returns the members of them all. */
  learn({ owners, nextOwners }: OwnerSets): ReadonlySet<string> {
    for (const set of [owners, nextOwners])
      if (!this.#sets.some((known) => isSame(known, set))) this.#sets = [...this.#sets, set];
    return new Set(this.#sets.flat());
  }

  /** Records that one more member is asked. */
  ask(member: string, role: Role): void {
    this.#unanswered.push(member);
    if (role !== 'pending owner') this.tally.ask(role === 'owner');
  }

  /** Records a good answer. */
  succeed(member: string, role: Role, isComplete = true): void {
    this.#settle(member);
    if (role !== 'pending owner') this.tally.succeed(role === 'owner');
    this.#votes.push({ member, role, isComplete });
  }

  /** Removes an answer that was counted before. */
  withdraw(member: string): void {
    const vote = this.#votes.find((one) => one.member === member);
    if (vote === undefined) return;
    this.#votes = this.#votes.filter((one) => one !== vote);
    if (vote.role !== 'pending owner') this.tally.withdraw(vote.role === 'owner');
  }

  /** Records an answer that does not count. */
  abstain(member: string, role: Role): void {
    this.#settle(member);
    if (role !== 'pending owner') this.tally.abstain(role === 'owner');
    this.#absent = [...this.#absent, member];
  }

  /** Records a failure or a timeout of one member. */
  fail(member: string, code: ErrorCode, role: Role): void {
    this.#settle(member);
    if (role !== 'pending owner') this.tally.fail(code, role === 'owner');
    if (PASSING.has(code)) this.#failed = [...this.#failed, member];
    else this.#absent = [...this.#absent, member];
  }

  #settle(member: string): void {
    const at = this.#unanswered.indexOf(member);
    if (at >= 0) this.#unanswered.splice(at, 1);
  }

  /** Takes the failed members that can be asked again now. */
  takeFailed(): string[] {
    const again = this.#failed.filter((member) => !this.#isAway(member));
    this.#failed = this.#failed.filter((member) => !again.includes(member));
    return again;
  }

  /** Waits for no further answer. The verdict is final then. */
  timeOut(): void {
    this.tally.timeOut();
    this.#isOver = true;
  }

  /** The number of members that were asked and have not answered. */
  get unanswered(): number {
    return this.#unanswered.length;
  }

  /**
   * Whether the answers so far and the outstanding ones are too few for some set of owners, so that
   * more members must be asked.
   */
  get isShort(): boolean {
    if (this.tally.isShort || this.#sets.length === 0) return this.tally.isShort;
    const outstanding = this.#unanswered.map(goodVoteOf);
    return this.#lack([...this.#votes, ...outstanding]) !== undefined;
  }

  /** Returns `failed` as soon as the quorum is out of reach, or when the time is over. */
  verdict(): Verdict {
    const verdict = this.tally.verdict();
    if (verdict !== 'met' || this.#lack() === undefined) return verdict;
    const isWaiting = this.unanswered + this.#failed.length > 0;
    return isWaiting && !this.#isOver ? 'waiting' : 'failed';
  }

  /**
   * The first set of owners without a quorum. Every set is small, and there is none as long as the
   * owners do not change.
   */
  #lack(votes: readonly Vote[] = this.#votes): Lack | undefined {
    for (const set of this.#sets) {
      const lack = this.#lackOf(set, votes);
      if (lack !== undefined) return lack;
    }
    return undefined;
  }

  #lackOf(set: readonly string[], votes: readonly Vote[]): Lack | undefined {
    const { any, owners } = this.#needs;
    const inside = new Set<string>();
    let others = 0;
    for (const { member, isComplete } of votes) {
      if (!set.includes(member)) others += 1;
      else if (isComplete) inside.add(member);
    }
    const isAbsent = (member: string): boolean =>
      !inside.has(member) && (this.#absent.includes(member) || this.#isAway(member));
    const absent = set.filter(isAbsent);
    const excused = absent.filter((member) => this.#pending.includes(member)).length;
    const have = inside.size + Math.min(others + excused, absent.length);
    const need = quorumSize(any, set.length);
    const needOwners = owners === undefined ? 0 : quorumSize(owners, set.length);
    if (inside.size < needOwners) return { kind: 'owners', have: inside.size, need: needOwners };
    return have < need ? { kind: 'replicas', have, need } : undefined;
  }

  /** The first set of owners without a quorum, even if all these members answered. */
  lackAmong(members: readonly string[]): Lack | undefined {
    if (this.#sets.length === 0) return undefined;
    return this.#lack(members.map(goodVoteOf));
  }

  /** The error of a write that failed. `sentence` tells the caller the consequence. */
  error(sentence: string): MecError {
    return this.#changeError(sentence) ?? this.tally.error(sentence, this.#missing);
  }

  /** The error of a request that stored nothing. */
  readError(sentence: string): MecError {
    const error = this.#changeError(sentence);
    if (error === undefined) return this.tally.readError(sentence, this.#missing);
    return new MecError(error.code, { ...error.details, mayTakeEffect: false });
  }

  /** The owners that have not answered, without those that still may. */
  get #missing(): readonly string[] {
    const present = this.#votes.map(({ member }) => member);
    if (!this.#isOver) present.push(...this.#unanswered);
    return this.#view.owners.filter((member) => !present.includes(member));
  }

  #changeError(sentence: string): MecError | undefined {
    const lack = this.tally.verdict() === 'met' ? this.#lack() : undefined;
    if (lack === undefined) return undefined;
    const { kind, have, need } = lack;
    const detail = `The owners of the key are changing: ${have} of ${need} ${kind} of one set answered. ${sentence}`;
    return new MecError('quorum-not-met', { have, need, retryAfter: 1, detail });
  }
}

const isSame = (a: readonly string[], b: readonly string[]): boolean =>
  a === b || (a.length === b.length && a.every((name) => b.includes(name)));
