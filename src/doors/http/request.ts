/** What a request says, checked: key, token, parameters, content. */
import { utf8ToBytes } from '../../base/bytes.ts';
import { MecError } from '../../base/errors.ts';
import { MAX_KEY_BYTES, MAX_META_BYTES, MAX_SEEN_DOTS, MAX_TIMEOUT_MS } from '../../base/limits.ts';
import type { CausalContext, Dot } from '../../core/causal-context.ts';
import type { Content } from '../../core/content.ts';
import { parseDot } from '../../core/dot.ts';
import { parseQuorum, type Quorum } from '../../core/quorum.ts';
import { decodeToken } from '../../core/token.ts';
import { headerOf, type HttpRequest } from './exchange.ts';

/** Where keys live. */
export const KEY_PREFIX = '/mec/';

const META_PREFIX = 'x-mec-meta-';
const DEFAULT_CONTENT_TYPE = 'application/octet-stream';

/** The key of a path: everything after `/mec/`, slashes and all, percent-decoded. */
export function keyOf(path: string): string {
  const raw = path.slice(KEY_PREFIX.length);
  if (raw === '') throw new MecError('bad-key', { detail: 'The key is empty' });
  if (!/^[\x21-\x7e]+$/.test(raw)) throw new MecError('bad-key', { detail: 'The key must be percent-encoded UTF-8' });
  if (raw.length > 3 * MAX_KEY_BYTES) throw new MecError('key-too-long', { limit: MAX_KEY_BYTES });
  if (!raw.includes('%') && raw.length <= MAX_KEY_BYTES) return raw;
  let key: string;
  try {
    key = decodeURIComponent(raw);
  } catch {
    throw new MecError('bad-key', { detail: 'The key is not percent-encoded UTF-8' });
  }
  if (utf8ToBytes(key).length > MAX_KEY_BYTES) throw new MecError('key-too-long', { limit: MAX_KEY_BYTES });
  return key;
}

/** The token of a request, where it has one. */
export function tokenOf(request: HttpRequest, key: string): CausalContext | undefined {
  const text = headerOf(request, 'x-mec-vclock');
  return text === undefined ? undefined : decodeToken(text, key);
}

/** The dots that a reader says it has seen, in `X-Mec-Seen`. */
export function seenOf(request: HttpRequest): Dot[] | undefined {
  const text = headerOf(request, 'x-mec-seen');
  if (text === undefined) return undefined;
  const dots = text.split(',').map((dot) => parseDot(dot.trim()));
  if (dots.length > MAX_SEEN_DOTS || dots.includes(undefined)) {
    const detail = `X-Mec-Seen must be up to ${MAX_SEEN_DOTS} values of X-Mec-Dot, separated by commas`;
    throw new MecError('bad-parameter', { parameter: 'X-Mec-Seen', detail });
  }
  return dots as Dot[];
}

/** What the query of a request may set. */
export interface Parameters {
  r?: Quorum;
  w?: Quorum;
  timeoutMs?: number;
}

type Setter = (parameters: Parameters, text: string) => boolean;

const SETTERS: Readonly<Record<string, { expected: string; set: Setter }>> = {
  r: { expected: 'a number from 1 to n, "one", "quorum" or "all"', set: setQuorum('r') },
  w: { expected: 'a number from 1 to n, "one", "quorum" or "all"', set: setQuorum('w') },
  timeout: {
    expected: `milliseconds from 1 to ${MAX_TIMEOUT_MS}`,
    set: (parameters, text) => {
      const timeoutMs = /^\d{1,6}$/.test(text) ? Number(text) : 0;
      parameters.timeoutMs = timeoutMs;
      return timeoutMs >= 1 && timeoutMs <= MAX_TIMEOUT_MS;
    },
  },
};

function setQuorum(name: 'r' | 'w'): Setter {
  return (parameters, text) => {
    const quorum = parseQuorum(text);
    if (quorum !== undefined) parameters[name] = quorum;
    return quorum !== undefined;
  };
}

/** The parameters of a query; throws `bad-parameter` for one that is unknown or makes no sense. */
export function parametersOf(query: string, n: number): Parameters {
  const parameters: Parameters = {};
  if (query === '') return parameters;
  for (const [name, text] of new URLSearchParams(query)) {
    const setter = Object.hasOwn(SETTERS, name) ? SETTERS[name] : undefined;
    if (setter === undefined) {
      const detail = `The parameter ${JSON.stringify(name)} is unknown; known are ${Object.keys(SETTERS).join(', ')}`;
      throw new MecError('bad-parameter', { parameter: name, detail });
    }
    const isTooMuch = (name === 'r' || name === 'w') && Number(text) > n;
    if (isTooMuch || !setter.set(parameters, text)) {
      throw new MecError('bad-parameter', {
        parameter: name,
        detail: `The parameter ${name} must be ${setter.expected}`,
      });
    }
  }
  return parameters;
}

/** The content that a request carries: its body, and what its headers say of it. */
export async function contentOf(
  request: HttpRequest,
  maxValueBytes: number,
  timestampMicros: number,
): Promise<Content> {
  const meta = metaOf(request);
  const value = await request.body(maxValueBytes);
  return {
    value,
    contentType: headerOf(request, 'content-type') || DEFAULT_CONTENT_TYPE,
    contentEncoding: headerOf(request, 'content-encoding') || undefined,
    clientId: headerOf(request, 'x-mec-client-id'),
    timestampMicros,
    meta: meta.length === 0 ? undefined : meta,
  };
}

function metaOf(request: HttpRequest): [string, string][] {
  const meta: [string, string][] = [];
  let bytes = 0;
  for (const name of Object.keys(request.headers)) {
    if (!name.startsWith(META_PREFIX)) continue;
    const value = headerOf(request, name) ?? '';
    bytes += name.length - META_PREFIX.length + value.length;
    meta.push([name.slice(META_PREFIX.length), value]);
  }
  if (bytes > MAX_META_BYTES)
    throw new MecError('headers-too-large', {
      limit: MAX_META_BYTES,
      detail: 'The X-Mec-Meta-* headers are too large',
    });
  return meta;
}
