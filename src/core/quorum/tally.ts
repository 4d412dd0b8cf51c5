/** The count of a quorum: so many answers are needed of so many asked. A pure fold; it knows no network and no time. */
import { type ErrorCode, MecError } from '../../base/errors.ts';

/** What a tally says after each answer. */
export type Verdict = 'waiting' | 'met' | 'failed';

/** Counts good and bad answers towards a quorum, of which some must be of owners, and not of fallbacks. */
export class Tally {
  readonly need: number;
  readonly needOwners: number;
  #have = 0;
  #unanswered = 0;
  #haveOwners = 0;
  #unansweredOwners = 0;
  #timedOut = false;
  #lastFailure: ErrorCode | undefined;
  #isDamaged = false;

  constructor(need: number, needOwners = 0) {
    this.need = Math.max(need, needOwners);
    this.needOwners = needOwners;
  }

  get have(): number {
    return this.#have;
  }

  /** How many asked have not answered. */
  get unanswered(): number {
    return this.#unanswered;
  }

  /** Whether more must be asked than have been. */
  get isShort(): boolean {
    return this.#have + this.#unanswered < this.need || this.#haveOwners + this.#unansweredOwners < this.needOwners;
  }

  /** One more replica is being asked. */
  ask(isOwner = true): void {
    this.#unanswered += 1;
    if (isOwner) this.#unansweredOwners += 1;
  }

  /** One of those asked has answered. */
  succeed(isOwner = true): void {
    this.#settle(isOwner);
    this.#have += 1;
    if (isOwner) this.#haveOwners += 1;
  }

  /** One that has answered is not to be counted any more. */
  withdraw(isOwner = true): void {
    this.#have -= 1;
    if (isOwner) this.#haveOwners -= 1;
    this.#lastFailure = 'incomplete';
  }

  /** One of those asked has answered, but its answer is not one to rely on. */
  abstain(isOwner = true): void {
    this.#settle(isOwner);
    this.#lastFailure = 'incomplete';
  }

  /** One of those asked has failed, or has not answered in time. */
  fail(code: ErrorCode, isOwner = true): void {
    this.#settle(isOwner);
    this.#isDamaged ||= code === 'damaged';
    if (code === 'timeout') this.#timedOut = true;
    else this.#lastFailure = code;
  }

  /** All that were asked and have not answered are out of time. */
  timeOut(): void {
    if (this.#unanswered > 0) this.#timedOut = true;
    this.#unanswered = 0;
    this.#unansweredOwners = 0;
  }

  #settle(isOwner: boolean): void {
    this.#unanswered -= 1;
    if (isOwner) this.#unansweredOwners -= 1;
  }

  /**
   * `failed` as soon as the unanswered, with the `unasked` (of them `unaskedOwners` owners), cannot
   * reach the quorum.
   */
  verdict(unasked = 0, unaskedOwners = unasked): Verdict {
    if (this.#have >= this.need && this.#haveOwners >= this.needOwners) return 'met';
    const isHopeless =
      this.#have + this.#unanswered + unasked < this.need ||
      this.#haveOwners + this.#unansweredOwners + unaskedOwners < this.needOwners;
    return isHopeless ? 'failed' : 'waiting';
  }

  /**
   * The error of a quorum that was not met before anything was written. `damaged` says that too few replicas can
   * read, and that nothing was taken: of a write that was sent to replicas it must not be said.
   */
  readError(sentence: string): MecError {
    const error = this.error(sentence);
    if (!this.#isDamaged || error.code === 'timeout') return error;
    return new MecError('damaged', { ...error.details, retryAfter: 1 });
  }

  /** The error of a quorum that was not met; `sentence` says what that means for the caller. */
  error(sentence: string): MecError {
    const areOwnersLacking = this.#have >= this.need;
    const details = areOwnersLacking
      ? { have: this.#haveOwners, need: this.needOwners }
      : { have: this.#have, need: this.need };
    const count = `${details.have} of ${details.need} ${areOwnersLacking ? 'owners' : 'replicas'} answered`;
    if (this.#timedOut) return new MecError('timeout', { ...details, detail: `${count} in time. ${sentence}` });
    const failure = this.#isDamaged ? 'disks are damaged, and being mended' : this.#lastFailure;
    const why = failure === undefined ? '' : ` (${failure})`;
    return new MecError('quorum-not-met', { ...details, retryAfter: 1, detail: `${count}${why}. ${sentence}` });
  }
}
