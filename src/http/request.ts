/** Reads and checks the parts of a request: key, token, and content. */
import { utf8ToBytes } from '../base/bytes.ts';
import { MecError, messageOf } from '../base/errors.ts';
import { MAX_GONE_TOKENS, MAX_KEY_BYTES, MAX_TTL_SECONDS } from '../core/limits.ts';
import {
  MAX_CLIENT_ID_BYTES,
  MAX_META_BYTES,
  MAX_SEEN_DOTS,
  MAX_STORED_HEADER_BYTES,
} from './limits.ts';
import { CausalContext, type Dot } from '../core/causality/causal-context.ts';
import type { Content } from '../core/value/content.ts';
import { isReserved } from '../core/value/key.ts';
import { parseDot } from '../core/causality/dot.ts';
import type { ReceivedToken, Tokens } from '../cluster/tokens.ts';
import { badHeader } from './bad-header.ts';
import { verifyDigest } from './digest.ts';
import { headerOf, type HttpRequest } from './exchange.ts';
import { dateToMicros } from './http-date.ts';
import { META_PREFIX } from './known-headers.ts';

/** The path prefix of keys. */
export const KEY_PREFIX = '/mec/';

const DEFAULT_CONTENT_TYPE = 'application/octet-stream';

/**
 * The key of a path: everything after the prefix, slashes included, percent-decoded. Throws
 * `bad-key` or `key-too-long` if it is invalid.
 */
export function keyOf(path: string, prefix = KEY_PREFIX): string {
  const raw = path.slice(prefix.length);
  if (raw === '') throw new MecError('bad-key', { detail: 'The key is empty' });
  if (!/^[\x21-\x7e]+$/.test(raw))
    throw new MecError('bad-key', { detail: 'The key must be percent-encoded UTF-8' });
  if (raw.length > 3 * MAX_KEY_BYTES) throw new MecError('key-too-long', { limit: MAX_KEY_BYTES });
  if (!raw.includes('%') && raw.length <= MAX_KEY_BYTES) return raw;
  let key: string;
  try {
    key = decodeURIComponent(raw);
  } catch {
    throw new MecError('bad-key', { detail: 'The key is not percent-encoded UTF-8' });
  }
  if (isReserved(key))
    throw new MecError('bad-key', { detail: 'Keys that begin with U+0000 are reserved' });
  if (utf8ToBytes(key).length > MAX_KEY_BYTES)
    throw new MecError('key-too-long', { limit: MAX_KEY_BYTES });
  return key;
}

/**
 * The token of a request; undefined if it has none. Throws `bad-vclock` if it is not a token of
 * this key that counts.
 */
export function tokenOf(
  tokens: Tokens,
  request: HttpRequest,
  key: string,
): ReceivedToken | undefined {
  const text = headerOf(request, 'x-mec-vclock');
  return text === undefined ? undefined : tokens.decode(text, key);
}

/**
 * The dots in `X-Mec-Seen`, which the reader has seen; undefined if absent. Throws `bad-parameter`
 * if malformed.
 */
export function seenDotsOf(request: HttpRequest): Dot[] | undefined {
  const text = headerOf(request, 'x-mec-seen');
  if (text === undefined) return undefined;
  const dots = text.split(',').map((dot) => parseDot(dot.trim()));
  if (dots.length > MAX_SEEN_DOTS || dots.includes(undefined)) {
    throw badHeader(
      'X-Mec-Seen',
      `must be up to ${MAX_SEEN_DOTS} values of X-Mec-Dot, separated by commas`,
    );
  }
  return dots as Dot[];
}

/**
 * The context in `X-Mec-Gone`: tokens of answers that found no value; undefined if absent. Throws
 * `bad-parameter` if malformed.
 */
export function goneTokensOf(
  seen: Tokens,
  request: HttpRequest,
  key: string,
): CausalContext | undefined {
  const text = headerOf(request, 'x-mec-gone');
  if (text === undefined) return undefined;
  const tokens = text.split(',');
  if (tokens.length > MAX_GONE_TOKENS)
    throw badHeader(
      'X-Mec-Gone',
      `must be up to ${MAX_GONE_TOKENS} values of X-Mec-Vclock, separated by commas`,
    );
  const gone = new CausalContext();
  try {
    for (const token of tokens) gone.join(seen.decodeSeen(token.trim(), key));
  } catch (error) {
    throw badHeader('X-Mec-Gone', `must be values of X-Mec-Vclock. ${messageOf(error)}`);
  }
  return gone;
}

/** The rules for a new content. */
export interface ContentRules {
  readonly maxValueBytes: number;
  readonly nowMicros: number;
  /** The lifetime if the writer sets none. */
  readonly ttlMs: number | undefined;
  readonly idempotencyKey: string | undefined;
}

/**
 * The content of a request: its body and the headers that describe it. Rejects with a `MecError` if
 * one of them is invalid.
 */
export async function contentOf(request: HttpRequest, rules: ContentRules): Promise<Content> {
  const contentType = storedHeader(request, 'content-type') || DEFAULT_CONTENT_TYPE;
  const contentEncoding = storedHeader(request, 'content-encoding') || undefined;
  const clientId = storedHeader(request, 'x-mec-client-id', MAX_CLIENT_ID_BYTES);
  const meta = metaOf(request);
  const expiresMicros = expiryOf(request, rules);
  if (request.headers['content-range'] !== undefined)
    throw badHeader('Content-Range', 'is not supported; send the whole value');
  const value = await request.body(rules.maxValueBytes);
  verifyDigest(request.headers, value);
  return {
    value,
    contentType,
    contentEncoding,
    clientId,
    timestampMicros: rules.nowMicros,
    meta: meta.length === 0 ? undefined : meta,
    expiresMicros,
    idempotencyKey: rules.idempotencyKey,
  };
}

/**
 * The expiry of a value, µs since 1970: by `X-Mec-TTL` (seconds), `X-Mec-Expires` (HTTP date), or
 * the policy of the key.
 */
function expiryOf(request: HttpRequest, { nowMicros, ttlMs }: ContentRules): number | undefined {
  const ttl = headerOf(request, 'x-mec-ttl');
  const expires = headerOf(request, 'x-mec-expires');
  if (ttl !== undefined && expires !== undefined)
    throw badHeader('X-Mec-TTL', 'and X-Mec-Expires cannot be used together');
  if (ttl !== undefined) {
    const seconds = /^\d{1,9}$/.test(ttl) ? Number(ttl) : 0;
    if (seconds < 1 || seconds > MAX_TTL_SECONDS)
      throw badHeader('X-Mec-TTL', `must be seconds from 1 to ${MAX_TTL_SECONDS}`);
    return nowMicros + seconds * 1e6;
  }
  if (expires !== undefined) {
    const micros = dateToMicros(expires, nowMicros) ?? 0;
    if (micros <= nowMicros || micros > nowMicros + MAX_TTL_SECONDS * 1e6)
      throw badHeader(
        'X-Mec-Expires',
        `must be an HTTP date in the future, at most ${MAX_TTL_SECONDS / 86_400} days from now`,
      );
    return micros;
  }
  return ttlMs === undefined ? undefined : nowMicros + ttlMs * 1000;
}

/** A header that is stored; undefined if absent. A client could not read a longer one. */
function storedHeader(
  request: HttpRequest,
  name: string,
  limit = MAX_STORED_HEADER_BYTES,
): string | undefined {
  const value = headerOf(request, name);
  if (value !== undefined && value.length > limit)
    throw new MecError('headers-too-large', {
      parameter: name,
      limit,
      detail: `The header ${name} has more than ${limit} bytes`,
    });
  return value;
}

function metaOf(request: HttpRequest): [string, string][] {
  const meta: [string, string][] = [];
  let bytes = 0;
  for (const name of Object.keys(request.headers)) {
    if (!name.startsWith(META_PREFIX)) continue;
    const value = headerOf(request, name) ?? '';
    bytes += name.length + ': '.length + value.length + '\r\n'.length;
    meta.push([name.slice(META_PREFIX.length), value]);
  }
  if (bytes > MAX_META_BYTES)
    throw new MecError('headers-too-large', {
      limit: MAX_META_BYTES,
      detail: `The X-Mec-Meta-* headers have more than ${MAX_META_BYTES} bytes`,
    });
  return meta;
}
