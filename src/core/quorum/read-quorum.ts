/**
 * A quorum read as a pure fold over the replies. It yields the answer, and the replicas that need
 * repair.
 */
import { type FilledObject, merge, sameVersions } from '../causality/object.ts';
import type { OwnerSets } from './joint-tally.ts';
import { OwnerQuorum, type Role } from './owner-quorum.ts';

/** The reply of a member, besides the object. */
export interface ReadAnswer {
  readonly role: Role;
  /** Whether it counts for the owners that the reader knows. */
  readonly counts: boolean;
  readonly isComplete: boolean;
  /** The owners as the member knows them; undefined if they are those of the request. */
  readonly owners?: OwnerSets | undefined;
}

/** Folds the replies to one read. */
export class ReadQuorum<Body> extends OwnerQuorum {
  readonly #replies = new Map<string, FilledObject<Body>>();
  #merged: FilledObject<Body> | undefined;

  /**
   * Adds the reply of a member. A replica that is catching up adds its versions but no vote.
   * Returns the members of other sets of owners, if the member has named one.
   */
  add(
    member: string,
    object: FilledObject<Body>,
    { role, counts, isComplete, owners }: ReadAnswer,
  ): ReadonlySet<string> | undefined {
    // A pending owner that is catching up, and knows no other owners than the reader, shows that
    // the next owners do not count yet: no write was acknowledged by them alone.
    const isPending = role === 'pending owner' && owners === undefined;
    if (counts || isPending || (role === 'pending owner' && isComplete))
      this.succeed(member, role, isComplete || isPending);
    else this.abstain(member, role);
    this.#replies.set(member, object);
    this.#merged = this.#merged === undefined ? object : merge(this.#merged, object);
    return owners && this.learn(owners);
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
    const stale: string[] = [];
    if (merged === undefined) return stale;
    for (const [member, object] of this.#replies)
      if (!sameVersions(object, merged)) stale.push(member);
    return stale;
  }
}
