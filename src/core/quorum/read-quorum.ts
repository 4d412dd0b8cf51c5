/**
 * A quorum read as a pure fold over the replies. It yields the answer, and the replicas that need
 * repair.
 */
import type { ErrorCode } from '../../base/errors.ts';
import { type FilledObject, merge, sameVersions } from '../causality/object.ts';
import { Tally, type Verdict } from './tally.ts';

/** Folds the replies to one read. */
export class ReadQuorum<Body> {
  readonly tally: Tally;
  readonly #replies = new Map<string, FilledObject<Body>>();
  #merged: FilledObject<Body> | undefined;

  /** `needOwners` is the number of answers that must come from owners. */
  constructor(need: number, needOwners = 0) {
    this.tally = new Tally(need, needOwners);
  }

  /**
   * Adds the reply of a member. A reply with `counts` false, from a replica that is catching up,
   * adds its versions but no vote.
   */
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

  /** All replies so far, merged into one object; undefined before the first. */
  get merged(): FilledObject<Body> | undefined {
    return this.#merged;
  }

  /**
   * The members whose reply lacks a version of the merged object, or has one that the merged object
   * has not.
   */
  stale(): string[] {
    const merged = this.#merged;
    if (merged === undefined) return [];
    return [...this.#replies]
      .filter(([, object]) => !sameVersions(object, merged))
      .map(([member]) => member);
  }
}
