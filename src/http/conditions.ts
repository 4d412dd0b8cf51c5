/** The conditions of a request: `If-Match` and its kin (RFC 9110, 13), and `Idempotency-Key`. */
import { MAX_CONDITION_TAGS, MAX_IDEMPOTENCY_KEY_CHARS } from './limits.ts';
import { httpDateToMicros } from '../base/system.ts';
import { type Condition, isAmong, type Tags } from '../core/quorum/condition.ts';
import type { Content } from '../core/value/content.ts';
import type { ObjectVersion } from '../core/causality/object.ts';
import { badHeader } from './bad-header.ts';
import { headerOf, type HttpRequest } from './exchange.ts';

const TAG = /^(?:W\/)?"[\x21\x23-\x7e\x80-\xff]*"$/;

/** A header as it is written, and as requests bear it. */
interface HeaderName {
  readonly name: string;
  readonly field: string;
}

const header = (name: string): HeaderName => ({ name, field: name.toLowerCase() });

const IF_MATCH = header('If-Match');
const IF_NONE_MATCH = header('If-None-Match');
const IDEMPOTENCY_KEY = header('Idempotency-Key');
const WRITE_ID = header('X-Mec-Write-ID');

/** The entity tags of a header; throws `bad-parameter` where it is not a list of them. */
function tagsOf(request: HttpRequest, { name, field }: HeaderName): Tags | undefined {
  const text = headerOf(request, field)?.trim();
  if (text === undefined) return undefined;
  if (text === '*') return '*';
  const tags = text.split(',').map((tag) => tag.trim());
  if (tags.length > MAX_CONDITION_TAGS || !tags.every((tag) => TAG.test(tag))) {
    throw badHeader(name, `must be * or at most ${MAX_CONDITION_TAGS} entity tags in quotes`);
  }
  return tags;
}

/**
 * `If-None-Match` compares weakly: a weak tag is as good as a strong one. `If-Match` does not, and
 * a weak tag matches nothing.
 */
function strong(tags: Tags | undefined): Tags | undefined {
  return tags === undefined || tags === '*' ? tags : tags.map((tag) => tag.replace(/^W\//, ''));
}

/**
 * The condition of a write, where it has one. What this server does not check it refuses, rather
 * than write as if it held.
 */
export function conditionOf(request: HttpRequest): Condition | undefined {
  const { headers } = request;
  if (headers['if-unmodified-since'] !== undefined) {
    throw badHeader('If-Unmodified-Since', 'is too coarse for a write; use If-Match');
  }
  const ifMatch = tagsOf(request, IF_MATCH);
  const ifNoneMatch = strong(tagsOf(request, IF_NONE_MATCH));
  const idempotencyKey = request.method === 'DELETE' ? undefined : idempotencyKeyOf(request);
  if (ifMatch === undefined && ifNoneMatch === undefined && idempotencyKey === undefined) return undefined;
  return { ifMatch, ifNoneMatch, idempotencyKey };
}

/** The idempotency key of a request, where it has one. */
export const idempotencyKeyOf = (request: HttpRequest): string | undefined => nameOf(request, IDEMPOTENCY_KEY);

/**
 * The name of a write, where it has one: stored like an idempotency key, so that of two with one
 * name readers see one; but nobody looks beforehand whether there is one, so it needs no majority.
 */
export const writeIdOf = (request: HttpRequest): string | undefined => nameOf(request, WRITE_ID);

function nameOf(request: HttpRequest, { name, field }: HeaderName): string | undefined {
  const text = headerOf(request, field);
  if (text !== undefined && !(/^[\x21-\x7e]+$/.test(text) && text.length <= MAX_IDEMPOTENCY_KEY_CHARS)) {
    throw badHeader(name, `must be 1 to ${MAX_IDEMPOTENCY_KEY_CHARS} visible ASCII characters`);
  }
  return text;
}

/** Whether a read has any condition: most have none. */
export function isConditional({ headers }: HttpRequest): boolean {
  return (
    headers['if-none-match'] !== undefined ||
    headers['if-match'] !== undefined ||
    headers['if-modified-since'] !== undefined ||
    headers['if-unmodified-since'] !== undefined
  );
}

/** What a read with conditions comes to, in the order of RFC 9110, 13.2.2; undefined where they do not matter. */
export function verdictOf(request: HttpRequest, versions: readonly ObjectVersion<Content>[]): 304 | 412 | undefined {
  const micros = versions.reduce((newest, { body }) => Math.max(newest, body.timestampMicros), 0);
  const ifMatch = tagsOf(request, IF_MATCH);
  const ifNoneMatch = strong(tagsOf(request, IF_NONE_MATCH));
  if (ifMatch !== undefined) {
    if (!isAmong(ifMatch, versions)) return 412;
  } else if (isNewer(micros, headerOf(request, 'if-unmodified-since')) === true) return 412;
  if (versions.length === 0) return undefined;
  if (ifNoneMatch !== undefined) return isAmong(ifNoneMatch, versions) ? 304 : undefined;
  return isNewer(micros, headerOf(request, 'if-modified-since')) === false ? 304 : undefined;
}

/** Whether a time is after an HTTP date, by the second; undefined where there is no valid one. */
function isNewer(micros: number, date: string | undefined): boolean | undefined {
  const than = date === undefined ? undefined : httpDateToMicros(date);
  return than === undefined ? undefined : Math.floor(micros / 1e6) > than / 1e6;
}
