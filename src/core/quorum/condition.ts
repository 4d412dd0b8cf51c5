/**
 * The conditions of a conditional write: on the current versions, and on earlier copies of the same
 * write.
 */
import type { Dot } from '../causality/causal-context.ts';
import { etagOf } from '../value/etag.ts';

/** Entity tags as in the header, quotes included; or `*` for any. */
export type Tags = readonly string[] | '*';

/** The conditions of a write. An undefined field imposes none. */
export interface Condition {
  /** The current tag must be in this list. */
  readonly ifMatch: Tags | undefined;
  /** The current tag must not be in this list. */
  readonly ifNoneMatch: Tags | undefined;
  /** No write with this Idempotency-Key may have been made before. */
  readonly idempotencyKey: string | undefined;
}

/** Whether the tag of these versions is in the list. A key without versions matches no list. */
function isAmong(tags: Tags, versions: readonly Dot[]): boolean {
  return versions.length > 0 && (tags === '*' || tags.includes(etagOf(versions)));
}

/** Whether the current versions meet the condition. */
export function isMet({ ifMatch, ifNoneMatch }: Condition, versions: readonly Dot[]): boolean {
  const isMatch = ifMatch === undefined || isAmong(ifMatch, versions);
  return isMatch && (ifNoneMatch === undefined || !isAmong(ifNoneMatch, versions));
}

/**
 * Whether a writer whose condition holds must have seen all current versions. Then its write
 * replaces them even without a token.
 */
export function isSeen({ ifMatch, ifNoneMatch }: Condition): boolean {
  return ifMatch !== undefined || ifNoneMatch === '*';
}
