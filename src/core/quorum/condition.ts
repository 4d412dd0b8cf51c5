/** Conditions of a write: on what it must find, and on not having been made already. */
import type { Dot } from '../causality/causal-context.ts';
import { etagOf } from '../value/etag.ts';

/** Entity tags as they are written, quotes and all; or any that there is. */
export type Tags = readonly string[] | '*';

/** What must hold for a write to be made; what is undefined does not matter. */
export interface Condition {
  /** The current tag must be one of these. */
  readonly ifMatch: Tags | undefined;
  /** The current tag must be none of these. */
  readonly ifNoneMatch: Tags | undefined;
  /** No write with this key may have been made already. */
  readonly idempotencyKey: string | undefined;
}

/** Whether the tag of what there is is among these; where there is nothing, it is among none. */
export function isAmong(tags: Tags, versions: readonly Dot[]): boolean {
  return versions.length > 0 && (tags === '*' || tags.includes(etagOf(versions)));
}

/** Whether what there is meets a condition. */
export function isMet({ ifMatch, ifNoneMatch }: Condition, versions: readonly Dot[]): boolean {
  const isMatch = ifMatch === undefined || isAmong(ifMatch, versions);
  return isMatch && (ifNoneMatch === undefined || !isAmong(ifNoneMatch, versions));
}

/** Whether to meet the condition is to have seen all that there is: its writer replaces that, token or not. */
export function isSeen({ ifMatch, ifNoneMatch }: Condition): boolean {
  return ifMatch !== undefined || ifNoneMatch === '*';
}
