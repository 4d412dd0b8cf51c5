/**
 * The count of a quorum: `need` good answers out of all that were asked. A pure fold without
 * network or time.
 */
import { type ErrorCode, MecError } from '../../base/errors.ts';

/** The state of a tally after each answer. */
export type Verdict = 'waiting' | 'met' | 'failed';

/**
 * Counts good and bad answers towards a quorum. Some of them must come from owners, not from
 * fallbacks.
 */
export class Tally {
  readonly need: number;
  readonly needOwners: number;
  #have = 0;
  #unanswered = 0;
  #haveOwners = 0;
  #unansweredOwners = 0;
  #timedOut = false;
  #isOver = false;
  #lastFailure: ErrorCode | undefined;
  #isDamaged = false;

  constructor(need: number, needOwners = 0) {
    this.need = Math.max(need, needOwners);
    this.needOwners = needOwners;
  }

  get have(): number {
    return this.#have;
  }

  /**
   * Whether the answers so far and the outstanding ones are too few, so that more replicas must be
   * asked.
   */
  get isShort(): boolean {
    return (
      this.#have + this.#unanswered < this.need ||
      this.#haveOwners + this.#unansweredOwners < this.needOwners
    );
  }

  /** Records that one more replica is asked. */
  ask(isOwner = true): void {
    this.#unanswered += 1;
    if (isOwner) this.#unansweredOwners += 1;
  }

  /** Records a good answer. */
  succeed(isOwner = true): void {
    this.#settle(isOwner);
    this.#have += 1;
    if (isOwner) this.#haveOwners += 1;
  }

  /** Removes an answer that was counted before. */
  withdraw(isOwner = true): void {
    this.#have -= 1;
    if (isOwner) this.#haveOwners -= 1;
    this.#lastFailure = 'incomplete';
  }

  /** Records an answer that does not count. */
  abstain(isOwner = true): void {
    this.#settle(isOwner);
    this.#lastFailure = 'incomplete';
  }

  /** Records a failure or a timeout of one replica. */
  fail(code: ErrorCode, isOwner = true): void {
    this.#settle(isOwner);
    this.#isDamaged ||= code === 'damaged';
    if (code === 'timeout') this.#timedOut = true;
    else this.#lastFailure = code;
  }

  /** Waits for no further answer. The verdict is final then. */
  timeOut(): void {
    this.#timedOut = true;
    this.#isOver = true;
  }

  #settle(isOwner: boolean): void {
    this.#unanswered -= 1;
    if (isOwner) this.#unansweredOwners -= 1;
  }

  /** Returns `failed` as soon as the quorum is out of reach, or when the time is over. */
  verdict(): Verdict {
    if (this.#have >= this.need && this.#haveOwners >= this.needOwners) return 'met';
    return this.isShort || this.#isOver ? 'failed' : 'waiting';
  }

  /**
   * The error of a quorum that failed before anything was written. It may be `damaged`, which
   * promises that nothing was stored. A write that was already sent to replicas must use `error`
   * instead.
   */
  readError(sentence: string): MecError {
    const error = this.error(sentence);
    if (!this.#isDamaged || error.code === 'timeout') return error;
    return new MecError('damaged', { ...error.details, retryAfter: 1 });
  }

  /** The error of a quorum that failed. `sentence` tells the caller the consequence. */
  error(sentence: string): MecError {
    const areOwnersLacking = this.#have >= this.need;
    const details = areOwnersLacking
      ? { have: this.#haveOwners, need: this.needOwners }
      : { have: this.#have, need: this.need };
    const count = `${details.have} of ${details.need} ${areOwnersLacking ? 'owners' : 'replicas'} answered`;
    if (this.#timedOut)
      return new MecError('timeout', { ...details, detail: `${count} in time. ${sentence}` });
    const failure = this.#isDamaged ? 'disks are damaged and under repair' : this.#lastFailure;
    const why = failure === undefined ? '' : ` (${failure})`;
    return new MecError('quorum-not-met', {
      ...details,
      retryAfter: 1,
      detail: `${count}${why}. ${sentence}`,
    });
  }
}
