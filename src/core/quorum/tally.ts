/**
 * The count of a quorum: `need` good answers out of all that were asked. A pure fold without
 * network or time.
 */
import { type ErrorCode, MecError } from '../../base/errors.ts';

const NO_MEMBERS: readonly string[] = [];

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
  readError(sentence: string, missing = NO_MEMBERS): MecError {
    const { code, details } = this.error(sentence, missing);
    const isDamaged = this.#isDamaged && code !== 'timeout';
    const told = { ...details, mayTakeEffect: false };
    return isDamaged
      ? new MecError('damaged', { ...told, retryAfter: 1 })
      : new MecError(code, told);
  }

  /**
   * The error of a quorum that failed. `sentence` tells the caller the consequence, and `missing`
   * are the members that cannot answer. Outstanding answers still count unless the time is over.
   */
  error(sentence: string, missing = NO_MEMBERS): MecError {
    const { have, need, kind } = this.#lack(!this.#timedOut);
    const failure = this.#isDamaged ? 'disks are damaged and under repair' : this.#lastFailure;
    const names = missing.length === 0 ? undefined : `missing: ${missing.join(', ')}`;
    const why = [this.#timedOut ? undefined : failure, names].filter((part) => part !== undefined);
    const reasons = why.length === 0 ? '' : ` (${why.join('; ')})`;
    const count = `${have} of ${need} ${kind}`;
    if (this.#timedOut) {
      const detail = `${count} answered in time${reasons}. ${sentence}`;
      return new MecError('timeout', { have, need, detail });
    }
    const detail = `${count} can answer${reasons}. ${sentence}`;
    return new MecError('quorum-not-met', { have, need, retryAfter: 1, detail });
  }

  #lack(withUnanswered: boolean): { have: number; need: number; kind: string } {
    const have = this.#have + (withUnanswered ? this.#unanswered : 0);
    if (have < this.need) return { have, need: this.need, kind: 'replicas' };
    const haveOwners = this.#haveOwners + (withUnanswered ? this.#unansweredOwners : 0);
    // Even if fallbacks may act for all owners, an owner must tell that a key has no value.
    return { have: haveOwners, need: Math.max(1, this.needOwners), kind: 'owners' };
  }
}
