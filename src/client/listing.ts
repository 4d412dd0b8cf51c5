/** The pages of a listing. */
import { compareUtf8 } from '../base/bytes.ts';
import { documentOf } from './answer-body.ts';
import { refuseAnswer } from './answers.ts';
import type { ClientAnswer } from './attempt.ts';

/** A page of keys. */
export interface Page {
  readonly keys: readonly string[];
  /** The last key that the page covers; undefined on the last page. */
  readonly next: string | undefined;
}

/**
 * Converts the answer to a GET of keys after `after`. Throws `bad-answer` if no node gives that
 * answer: keys that do not ascend could go in a circle.
 */
export function toPage(answer: ClientAnswer, after: string | undefined): Page {
  const { keys, next } = documentOf(answer.body);
  const end = next ?? undefined;
  let last = after;
  const follows = (key: unknown): boolean => {
    if (typeof key !== 'string' || (last !== undefined && compareUtf8(key, last) <= 0))
      return false;
    last = key;
    return true;
  };
  // The last key of a page may be its end.
  const isPage =
    Array.isArray(keys) &&
    keys.every(follows) &&
    (end === undefined || (keys.length > 0 && end === last) || follows(end));
  if (!isPage) return refuse(answer);
  return { keys: keys as string[], next: end as string | undefined };
}

/** The number of keys, of those with several values, of all values, and of their bytes. */
export interface KeyCount {
  readonly keys: number;
  readonly siblings: number;
  readonly values: number;
  readonly bytes: number;
}

/** Converts the answer to a count. Throws `bad-answer` if no node gives that answer. */
export function toCount(answer: ClientAnswer): KeyCount {
  const { keys, siblings, values, bytes } = documentOf(answer.body);
  const all = { keys, siblings, values, bytes };
  for (const number of Object.values(all))
    if (!Number.isSafeInteger(number) || Number(number) < 0) refuse(answer);
  return all as KeyCount;
}

const refuse = (answer: ClientAnswer): never => refuseAnswer({ method: 'GET' }, answer)('its body');
