/** Reading and writing one key, exact to the byte. */
import { type Answer, ask, Failure, segmentOf } from './api.ts';
import { parseMultipart } from './outside.ts';
import { MAX_PARTS } from './limits.ts';

/** One value of a key. */
export interface ShownVersion {
  readonly dot: string;
  readonly contentType: string;
  /** The bytes as stored. */
  readonly body: Uint8Array<ArrayBuffer>;
  /** The value as text; undefined if it is none. */
  readonly text: string | undefined;
  /** The headers of the value that a write of the same value repeats. */
  readonly kept: Readonly<Record<string, string>>;
}

/** All values of a key, newest first, and the token that covers them. */
export interface ShownKey {
  readonly versions: readonly ShownVersion[];
  readonly token: string | undefined;
}

/** The name under which the page writes. */
const CLIENT = 'dashboard';

/** Another quorum than the usual one, and another node. */
interface Way {
  readonly query?: string;
  readonly routes?: string;
}

/** Reads a key. Rejects with `Failure`. */
export async function readKey(key: string, { query = '', routes }: Way = {}): Promise<ShownKey> {
  const answer = await ask(`/mec/${segmentOf(key)}?raw=true${query}`, {
    headers: { Accept: 'multipart/mixed' },
    routes,
    expects: [300, 404],
  });
  const token = answer.headers.get('x-mec-vclock') ?? undefined;
  if (answer.status === 404) return { versions: [], token };
  if (answer.status !== 300) return { versions: [versionOf(answer.headers, answer.body)], token };
  const type = answer.headers.get('content-type') ?? '';
  const parts = parseMultipart(type, answer.body, MAX_PARTS);
  if (parts === undefined) throw new Failure('The answer has no values that the page can read.');
  return {
    versions: parts.map(({ headers, body }) => versionOf(new Headers([...headers]), body)),
    token,
  };
}

function versionOf(headers: Headers, bytes: Uint8Array): ShownVersion {
  const coding =
    headers.get('x-mec-content-encoding') ?? headers.get('content-encoding') ?? undefined;
  const body = new Uint8Array(bytes);
  const kept = [...headers].filter(([name]) => /^x-mec-(?:meta-|expires$)/.test(name));
  return {
    dot: headers.get('x-mec-dot') ?? '',
    contentType: headers.get('content-type') ?? '',
    body,
    text: coding === undefined ? textOf(body) : undefined,
    kept: Object.fromEntries(coding === undefined ? kept : [...kept, ['Content-Encoding', coding]]),
  };
}

function textOf(body: Uint8Array): string | undefined {
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(body);
  } catch {
    return undefined;
  }
}

/** A value that the page writes. */
export interface NewValue {
  readonly body: Uint8Array<ArrayBuffer> | string;
  readonly contentType: string;
  readonly kept?: Readonly<Record<string, string>>;
}

/** The result of a write. */
export interface WriteResult {
  readonly dot: string;
  /** The values that the key has now. */
  readonly siblings: number;
}

const withToken = (token: string | undefined): Record<string, string> =>
  token === undefined ? {} : { 'X-Mec-Vclock': token };

const writtenOf = ({ headers }: Answer): WriteResult => ({
  dot: headers.get('x-mec-dot') ?? '',
  siblings: Number(headers.get('x-mec-siblings') ?? 1),
});

/**
 * Writes a value over exactly the versions that the token covers. A later one stays, as a
 * sibling. Rejects with `Failure`.
 */
export async function writeKey(
  key: string,
  { body, contentType, kept = {} }: NewValue,
  { token, query = '', routes }: Way & { readonly token: string | undefined },
): Promise<WriteResult> {
  const headers = {
    ...kept,
    ...(contentType === '' ? {} : { 'Content-Type': contentType }),
    'X-Mec-Client-ID': CLIENT,
    ...withToken(token),
  };
  return writtenOf(
    await ask(`/mec/${segmentOf(key)}${query}`, { method: 'PUT', headers, body, routes }),
  );
}

/** Deletes exactly the versions that the token covers. Rejects with `Failure`. */
export async function deleteKey(key: string, token: string): Promise<void> {
  await ask(`/mec/${segmentOf(key)}`, { method: 'DELETE', headers: withToken(token) });
}
