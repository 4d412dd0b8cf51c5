/** A quorum read as a pure fold over the replies: what to answer, and which replicas to mend. */
import type { ErrorCode } from '../../base/errors.ts';
import { type FilledObject, merge, sameVersions } from '../causality/object.ts';
import { Tally, type Verdict } from './tally.ts';

/** Folds the replies of replicas to one read. */
export class ReadQuorum<Body> {
  readonly tally: Tally;
  readonly #replies = new Map<string, FilledObject<Body>>();
  #merged: FilledObject<Body> | undefined;

  /** `needOwners`: how many of the answers must be of owners. */
  constructor(need: number, needOwners = 0) {
    this.tally = new Tally(need, needOwners);
  }

  /** A replica of this member has answered; one that is still catching up adds what it knows, but does not count. */
  add(member: string, object: FilledObject<Body>, { counts = true, isOwner = true } = {}): void {
    if (counts) this.tally.succeed(isOwner);
    else this.tally.abstain(isOwner);
    this.#replies.set(member, object);
    this.#merged = this.#merged === undefined ? object : merge(this.#merged, object);
  }

  fail(code: ErrorCode, isOwner = true): void {
    this.tally.fail(code, isOwner);
  }

  verdict(unasked = 0, unaskedOwners = unasked): Verdict {
    return this.tally.verdict(unasked, unaskedOwners);
  }

  /** All replies so far as one object. */
  get merged(): FilledObject<Body> | undefined {
    return this.#merged;
  }

  /** The members whose replica lacks something of the merged object, or holds what it no longer has. */
  stale(): string[] {
    const merged = this.#merged;
    if (merged === undefined) return [];
    return [...this.#replies].filter(([, object]) => !sameVersions(object, merged)).map(([member]) => member);
  }
}
