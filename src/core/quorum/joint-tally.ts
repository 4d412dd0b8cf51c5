/**
 * The count of a conditional write: a majority of the owners must agree, and while a key changes
 * hands a majority of the next owners as well. Two such counts always share an owner, also if one
 * of them was made before the change and the other after it. A pure fold.
 */
import type { ErrorCode } from '../../base/errors.ts';
import { quorumSize } from './quorum.ts';
import { Tally, type Verdict } from './tally.ts';

/** The owners of a key by one node's member list. */
export interface OwnerSets {
  readonly owners: readonly string[];
  /** The owners once all that join have joined and all that leave have left; the same members if nothing changes. */
  readonly nextOwners: readonly string[];
}

/** Counts answers towards the majorities. */
export class JointTally {
  readonly #parts: readonly { readonly members: readonly string[]; readonly tally: Tally }[];

  /** `least`: how many of the owners must agree, if a caller asks for more than a majority of them. */
  constructor({ owners, nextOwners }: OwnerSets, least = 1) {
    const majority = quorumSize('quorum', owners.length);
    const isChanging = nextOwners.length !== owners.length || nextOwners.some((name) => !owners.includes(name));
    const now = { members: owners, tally: new Tally(Math.max(majority, least)) };
    const next = { members: nextOwners, tally: new Tally(quorumSize('quorum', nextOwners.length)) };
    this.#parts = isChanging ? [now, next] : [now];
  }

  /** How many of the owners must agree. */
  get need(): number {
    return (this.#parts[0] as { tally: Tally }).tally.need;
  }

  /** The members that have not answered yet are out of time. */
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

  /** `failed` as soon as one of the majorities cannot be reached any more. */
  verdict(): Verdict {
    const verdicts = this.#parts.map(({ tally }) => tally.verdict());
    if (verdicts.includes('failed')) return 'failed';
    return verdicts.includes('waiting') ? 'waiting' : 'met';
  }

  /** The majority that was not reached; its errors are those of all. */
  get lacking(): Tally {
    const lacking = this.#parts.find(({ tally }) => tally.verdict() === 'failed') ?? this.#parts[0];
    return (lacking as { tally: Tally }).tally;
  }

  #each(member: string, count: (tally: Tally) => void): void {
    for (const { members, tally } of this.#parts) if (members.includes(member)) count(tally);
  }
}
