/** The pages of a listing. */
import { compareUtf8 } from '../base/bytes.ts';
import { type ClientAnswer, oddAnswer } from './attempt.ts';

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
export function toPage({ status, body }: ClientAnswer, after: string | undefined): Page {
  const page = status === 200 ? parse(body) : undefined;
  const { keys, next } = page ?? {};
  const isPage = isTexts(keys) && (next === null || next === undefined || typeof next === 'string');
  if (!isPage) throw oddAnswer('The answer is no page of keys', { status, isWrite: false });
  const end = next ?? undefined;
  const all = end === undefined ? keys : [...keys, end];
  let last = after;
  for (const [i, key] of all.entries()) {
    // The last key of a page may be its end.
    const isEnd = i === keys.length && key === keys.at(-1);
    if (last !== undefined && !isEnd && compareUtf8(key, last) <= 0)
      throw oddAnswer('The keys of the answer do not ascend', { status, isWrite: false });
    last = key;
  }
  return { keys, next: end };
}

/** The number of keys, of those with several values, of all values, and of their bytes. */
export interface KeyCount {
  readonly keys: number;
  readonly siblings: number;
  readonly values: number;
  readonly bytes: number;
}

/** Converts the answer to a count. Throws `bad-answer` if no node gives that answer. */
export function toCount({ status, body }: ClientAnswer): KeyCount {
  const { keys, siblings, values, bytes } = ((status === 200 ? parse(body) : undefined) ??
    {}) as Partial<KeyCount>;
  const all = [keys, siblings, values, bytes];
  if (!all.every((number) => Number.isSafeInteger(number) && Number(number) >= 0))
    throw oddAnswer('The answer is no count of keys', { status, isWrite: false });
  return { keys, siblings, values, bytes } as KeyCount;
}

const isTexts = (list: unknown): list is readonly string[] =>
  Array.isArray(list) && list.every((item) => typeof item === 'string');

function parse(body: Uint8Array): { readonly keys?: unknown; readonly next?: unknown } | undefined {
  try {
    return (JSON.parse(new TextDecoder().decode(body)) ?? undefined) as object | undefined;
  } catch {
    return undefined;
  }
}
