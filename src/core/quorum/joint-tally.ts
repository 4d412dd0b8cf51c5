/**
 * The vote count of a conditional write: a majority of the owners, and during a change of owners
 * also a majority of the next owners. Any two such counts share an owner, even if one came before
 * the change and one after. A pure fold over the answers.
 */
import type { ErrorCode } from '../../base/errors.ts';
import { quorumSize } from './quorum.ts';
import { Tally, type Verdict } from './tally.ts';

/** The owners of a key by one node's member list. */
export interface OwnerSets {
  readonly owners: readonly string[];
  /** The owners after all pending joins and leaves. They equal `owners` if nothing changes. */
  readonly nextOwners: readonly string[];
}

/** Whether the owners of a key change. */
export const areChanging = ({ owners, nextOwners }: OwnerSets): boolean =>
  nextOwners !== owners &&
  (nextOwners.length !== owners.length || nextOwners.some((name) => !owners.includes(name)));

/** Counts answers towards both majorities. */
export class JointTally {
  readonly #parts: readonly { readonly members: readonly string[]; readonly tally: Tally }[];

  /**
   * `least` is the number of owners that must agree, if the caller asks for more than a majority.
   */
  constructor({ owners, nextOwners }: OwnerSets, least = 1) {
    const majority = quorumSize('quorum', owners.length);
    const isChanging = areChanging({ owners, nextOwners });
    const now = { members: owners, tally: new Tally(Math.max(majority, least)) };
    const next = { members: nextOwners, tally: new Tally(quorumSize('quorum', nextOwners.length)) };
    this.#parts = isChanging ? [now, next] : [now];
  }

  /** The number of owners that must agree. */
  get need(): number {
    return (this.#parts[0] as { tally: Tally }).tally.need;
  }

  /** Counts every member that has not answered as timed out. */
  timeOut(): void {
    for (const { tally } of this.#parts) tally.timeOut();
  }

  ask(member: string): void {
    this.#each(member, (tally) => tally.ask());
  }

  succeed(member: string): void {
    this.#each(member, (tally) => tally.succeed());
  }

  fail(member: string, code: ErrorCode): void {
    this.#each(member, (tally) => tally.fail(code));
  }

  /** Returns `failed` as soon as one of the majorities is out of reach. */
  verdict(): Verdict {
    const verdicts = this.#parts.map(({ tally }) => tally.verdict());
    if (verdicts.includes('failed')) return 'failed';
    return verdicts.includes('waiting') ? 'waiting' : 'met';
  }

  /** The tally of the majority that was not reached. Its error is the error of the whole count. */
  get lacking(): Tally {
    const lacking = this.#parts.find(({ tally }) => tally.verdict() === 'failed') ?? this.#parts[0];
    return (lacking as { tally: Tally }).tally;
  }

  #each(member: string, count: (tally: Tally) => void): void {
    for (const { members, tally } of this.#parts) if (members.includes(member)) count(tally);
  }
}
