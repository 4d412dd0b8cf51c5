/**
 * The conditions of a request: `If-Match` and related headers (RFC 9110, 13), and
 * `Idempotency-Key`.
 */
import { MAX_IDEMPOTENCY_KEY_CHARS } from '../core/limits.ts';
import { MAX_CONDITION_TAGS } from './limits.ts';
import type { Condition, Tags } from '../core/quorum/condition.ts';
import type { Content } from '../core/value/content.ts';
import type { ObjectVersion } from '../core/causality/object.ts';
import { badHeader } from './bad-header.ts';
import { tagsIn, versionsTag } from './entity-tags.ts';
import { headerOf, type HttpRequest } from './exchange.ts';
import { dateToMicros } from './http-date.ts';

/** The name of a header, and the lower-case field of a request. */
interface HeaderName {
  readonly name: string;
  readonly field: string;
}

const header = (name: string): HeaderName => ({ name, field: name.toLowerCase() });

const IF_MATCH = header('If-Match');
const IF_NONE_MATCH = header('If-None-Match');
const IDEMPOTENCY_KEY = header('Idempotency-Key');
const WRITE_ID = header('X-Mec-Write-ID');

/**
 * The entity tags of a header; undefined if absent. Throws `bad-parameter` if it is not a list of
 * tags.
 */
function tagsOf(request: HttpRequest, { name, field }: HeaderName): Tags | undefined {
  const text = headerOf(request, field)?.trim();
  if (text === undefined) return undefined;
  if (text === '*') return '*';
  const tags = tagsIn(text);
  if (tags === undefined || tags.length > MAX_CONDITION_TAGS)
    throw badHeader(name, `must be * or at most ${MAX_CONDITION_TAGS} entity tags in quotes`);
  return tags;
}

/**
 * `If-None-Match` compares weakly, so a weak tag equals the strong one. `If-Match` compares
 * strongly, so a weak tag matches nothing.
 */
function strong(tags: Tags | undefined): Tags | undefined {
  return tags === undefined || tags === '*' ? tags : tags.map((tag) => tag.replace(/^W\//, ''));
}

/** A writer may know the versions by the tag of any form of them. */
const ofVersions = (tags: Tags | undefined): Tags | undefined =>
  tags === undefined || tags === '*' ? tags : tags.map(versionsTag);

/**
 * The condition of a write; undefined if it has none. Throws `bad-parameter` for a condition that
 * this server cannot check, because the write must not go ahead as if it held.
 */
export function conditionOf(request: HttpRequest): Condition | undefined {
  const { headers } = request;
  if (headers['if-unmodified-since'] !== undefined) {
    throw badHeader(
      'If-Unmodified-Since',
      'has only seconds, too coarse for a write; use If-Match',
    );
  }
  const ifMatch = ofVersions(tagsOf(request, IF_MATCH));
  const ifNoneMatch = ofVersions(strong(tagsOf(request, IF_NONE_MATCH)));
  const idempotencyKey = request.method === 'DELETE' ? undefined : idempotencyKeyOf(request);
  if (ifMatch === undefined && ifNoneMatch === undefined && idempotencyKey === undefined)
    return undefined;
  return { ifMatch, ifNoneMatch, idempotencyKey };
}

/** The Idempotency-Key of a request; undefined if it has none. */
export const idempotencyKeyOf = (request: HttpRequest): string | undefined =>
  nameOf(request, IDEMPOTENCY_KEY);

/**
 * The name of a write; undefined if it has none. It is stored like an Idempotency-Key, so readers
 * see one of two versions with the same name. But there is no check for an earlier copy, so it
 * needs no majority.
 */
export const writeIdOf = (request: HttpRequest): string | undefined => nameOf(request, WRITE_ID);

function nameOf(request: HttpRequest, { name, field }: HeaderName): string | undefined {
  const text = headerOf(request, field);
  if (
    text !== undefined &&
    !(/^[\x21-\x7e]+$/.test(text) && text.length <= MAX_IDEMPOTENCY_KEY_CHARS)
  ) {
    throw badHeader(name, `must be 1 to ${MAX_IDEMPOTENCY_KEY_CHARS} visible ASCII characters`);
  }
  return text;
}

/** Whether a read has a condition. Most have none. */
export function isConditional({ headers }: HttpRequest): boolean {
  return (
    headers['if-none-match'] !== undefined ||
    headers['if-match'] !== undefined ||
    headers['if-modified-since'] !== undefined ||
    headers['if-unmodified-since'] !== undefined
  );
}

/** The answer to a read, as far as conditions need it. */
export interface Selected {
  readonly tag: string;
  /** At least one. */
  readonly versions: readonly ObjectVersion<Content>[];
}

/**
 * The status of a read by its conditions, in the order of RFC 9110, 13.2.2; undefined if they do
 * not change it.
 */
export function verdictOf(
  request: HttpRequest,
  { tag, versions }: Selected,
  nowMicros: number,
): 304 | 412 | undefined {
  const micros = versions.reduce((newest, { body }) => Math.max(newest, body.timestampMicros), 0);
  const isAmong = (tags: Tags): boolean => tags === '*' || tags.includes(tag);
  const isNewer = (field: string): boolean | undefined =>
    isLater(micros, headerOf(request, field), nowMicros);
  const ifMatch = tagsOf(request, IF_MATCH);
  const ifNoneMatch = strong(tagsOf(request, IF_NONE_MATCH));
  if (ifMatch !== undefined) {
    if (!isAmong(ifMatch)) return 412;
  } else if (isNewer('if-unmodified-since') === true) return 412;
  if (ifNoneMatch !== undefined) return isAmong(ifNoneMatch) ? 304 : undefined;
  return isNewer('if-modified-since') === false ? 304 : undefined;
}

/**
 * Whether a time is later than an HTTP date, in whole seconds; undefined if the date is absent or
 * invalid.
 */
function isLater(micros: number, date: string | undefined, nowMicros: number): boolean | undefined {
  const than = date === undefined ? undefined : dateToMicros(date, nowMicros);
  return than === undefined ? undefined : Math.floor(micros / 1e6) > than / 1e6;
}
