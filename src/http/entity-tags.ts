/**
 * Entity tags in requests and answers. The tag of versions names the set of their dots. One strong
 * tag stands for the same bytes (RFC 9110, 8.8.1), so the tag of an unusual form has a suffix.
 */
import { etagOf } from '../core/value/etag.ts';
import type { Dot } from '../core/causality/causal-context.ts';

/** The suffix of each unusual form. */
const FORM_SUFFIXES = {
  /** A coded value whose coding is in another header. */
  raw: '-r',
  'application/json': '-j',
  'mime/multipart': '-m',
} as const;

/** A form of an answer. All but the usual one have a suffix. */
export type Form = keyof typeof FORM_SUFFIXES | undefined;

/** The tag of versions in a form. */
export function tagOf(versions: readonly Dot[], form: Form): string {
  const tag = etagOf(versions);
  return form === undefined ? tag : `${tag.slice(0, -1)}${FORM_SUFFIXES[form]}"`;
}

/** The tag of the versions that a tag of any form names. */
export const versionsTag = (tag: string): string => tag.replace(/-[rjm]"$/, '"');

const ELEMENT = /[\s,]*((?:W\/)?"[\x21\x23-\x7e\x80-\xff]*")[ \t]*(?=,|$)/y;

/**
 * The tags of a list; undefined if it is malformed or empty. A tag may have commas, and a list may
 * have empty elements (RFC 9110, 5.6.1.2 and 8.8.3).
 */
export function tagsIn(text: string): string[] | undefined {
  const tags: string[] = [];
  let end = 0;
  ELEMENT.lastIndex = 0;
  for (let found = ELEMENT.exec(text); found !== null; found = ELEMENT.exec(text)) {
    tags.push(found[1] as string);
    end = ELEMENT.lastIndex;
  }
  return tags.length > 0 && /^[\s,]*$/.test(text.slice(end)) ? tags : undefined;
}
