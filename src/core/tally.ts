/** The count of a quorum: so many answers are needed of so many asked. A pure fold; it knows no network and no time. */
import { type ErrorCode, MecError } from '../base/errors.ts';

/** What a tally says after each answer. */
export type Verdict = 'waiting' | 'met' | 'failed';

/** Counts good and bad answers towards a quorum. */
export class Tally {
  readonly need: number;
  #have = 0;
  #pending = 0;
  #timedOut = false;
  #lastFailure: ErrorCode | undefined;

  constructor(need: number) {
    this.need = need;
  }

  get have(): number {
    return this.#have;
  }

  /** How many asked have not answered. */
  get pending(): number {
    return this.#pending;
  }

  /** One more replica is being asked. */
  ask(): void {
    this.#pending += 1;
  }

  /** One of those asked has answered. */
  succeed(): void {
    this.#pending -= 1;
    this.#have += 1;
  }

  /** One of those asked has answered, but its answer is not one to rely on. */
  abstain(): void {
    this.#pending -= 1;
    this.#lastFailure = 'incomplete';
  }

  /** One of those asked has failed, or has not answered in time. */
  fail(code: ErrorCode): void {
    this.#pending -= 1;
    if (code === 'timeout') this.#timedOut = true;
    else this.#lastFailure = code;
  }

  /** `failed` as soon as those still pending, with `more` that could yet be asked, cannot reach the quorum. */
  verdict(more = 0): Verdict {
    if (this.#have >= this.need) return 'met';
    return this.#have + this.#pending + more < this.need ? 'failed' : 'waiting';
  }

  /** The error of a quorum that was not met; `sentence` says what that means for the caller. */
  error(sentence: string): MecError {
    const count = `${this.#have} of ${this.need} replicas answered`;
    const details = { have: this.#have, need: this.need };
    if (this.#timedOut) return new MecError('timeout', { ...details, detail: `${count} in time. ${sentence}` });
    const why = this.#lastFailure === undefined ? '' : ` (${this.#lastFailure})`;
    return new MecError('quorum-not-met', { ...details, retryAfter: 1, detail: `${count}${why}. ${sentence}` });
  }
}
