/** What a request says, checked: key, token, parameters, content. */
import { utf8ToBytes } from '../../base/bytes.ts';
import { MecError } from '../../base/errors.ts';
import { MAX_KEY_BYTES, MAX_META_BYTES } from '../../base/limits.ts';
import type { CausalContext } from '../../core/causal-context.ts';
import type { Content } from '../../core/content.ts';
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
