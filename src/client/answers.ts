/** The results of the client's calls, and their construction from HTTP answers. */
import { clientError } from './client-error.ts';
import type { Codec } from './codec.ts';
import { decodeContent } from './content-coding.ts';
import type { ClientAnswer } from './delivery.ts';
import { parseMultipart } from './multipart.ts';

/**
 * The context of a read or write. Pass it to the write that replaces those values. Opaque, and
 * useless for another key.
 */
export type Token = string & { readonly __brand: 'mec-token' };

/** One value of a key, with its metadata. */
export interface Version<T> {
  readonly value: T;
  /** The name of the write that made it, `node~life:counter`. */
  readonly dot: string;
  readonly etag: string;
  readonly contentType: string;
  /**
   * The Content-Encoding of the stored bytes; undefined if they have none. `value` is decoded,
   * unless its codec keeps the encoding.
   */
  readonly contentEncoding: string | undefined;
  /** The time at which a node took the write, µs since 1970. For information only. */
  readonly timestampMicros: number;
  /** The time at which it expires, as an HTTP date; undefined if it does not. */
  readonly expires: string | undefined;
  /** The client ID of the writer; undefined if it sent none. */
  readonly clientId: string | undefined;
  /** Metadata by name, in lower case. */
  readonly meta: Readonly<Record<string, string>>;
}

/** The key has no value. The token, if there is one, includes its past. */
export interface Missing {
  readonly kind: 'missing';
  readonly token: Token | undefined;
}

/** The key has one value. */
export interface Value<T> extends Version<T> {
  readonly kind: 'value';
  readonly token: Token;
}

/**
 * The key has several concurrent values, newest first. A write with this token replaces all of
 * them.
 */
export interface Siblings<T> {
  readonly kind: 'siblings';
  readonly siblings: readonly Version<T>[];
  /** The entity tag of all of them together. */
  readonly etag: string;
  readonly token: Token;
}

/**
 * The result of a read. The type makes the caller handle a key without a value, and one with
 * several.
 */
export type Read<T> = Missing | Value<T> | Siblings<T>;

/** The result of a write. */
export interface Written {
  /** Includes this write and everything that its writer had seen. */
  readonly token: Token;
  readonly dot: string;
  /**
   * The entity tag of the value; undefined if the key also has values that its writer has not seen.
   */
  readonly etag: string | undefined;
  /**
   * The number of values that the key has now, as far as the node knows. If there are several, they
   * need a merge.
   */
  readonly siblings: number;
}

/** The result of a delete. */
export interface Deleted {
  /** Whether the key had a value. */
  readonly found: boolean;
  readonly token: Token | undefined;
}

const META = 'x-mec-meta-';

const tokenOf = (answer: ClientAnswer): Token | undefined =>
  (answer.headers.get('x-mec-vclock') ?? undefined) as Token | undefined;

/** The token of an answer. Throws `bad-answer` if there is none. */
function requiredToken(answer: ClientAnswer): Token {
  const token = tokenOf(answer);
  if (token === undefined)
    throw clientError('bad-answer', {
      status: answer.status,
      detail: 'The answer has no X-Mec-Vclock',
    });
  return token;
}

/** The versions of a read: none, one, or several. */
export function versionsOf<T>(read: Read<T>): readonly Version<T>[] {
  if (read.kind === 'missing') return [];
  return read.kind === 'value' ? [read] : read.siblings;
}

/** The dots of a read's versions. */
export const dotsOf = (read: Read<unknown>): string[] =>
  versionsOf(read)
    .map(({ dot }) => dot)
    .filter((dot) => dot !== '');

/** The values of a read's versions. */
export const valuesOf = <T>(read: Read<T>): T[] => versionsOf(read).map(({ value }) => value);

/**
 * Converts the answer to a GET. Throws `bad-answer` if it is malformed, and `bad-value` if the
 * codec cannot read a value.
 */
export async function toRead<T>(answer: ClientAnswer, codec: Codec<T>): Promise<Read<T>> {
  if (answer.status === 404) return { kind: 'missing', token: tokenOf(answer) };
  const token = requiredToken(answer);
  // A single value was requested with `raw=true`. Otherwise `fetch` would already have removed its
  // encoding.
  const { headers } = answer;
  if (answer.status !== 300) {
    return {
      kind: 'value',
      ...(await toVersion(answer, headers.get('x-mec-content-encoding'), codec)),
      token,
    };
  }
  const parts = parseMultipart(headers.get('content-type') ?? '', answer.body);
  if (parts === undefined)
    throw clientError('bad-answer', {
      status: 300,
      detail: 'The body with the siblings is not well-formed multipart/mixed',
    });
  const versions = parts.map((part) =>
    toVersion(part, part.headers.get('content-encoding'), codec),
  );
  return {
    kind: 'siblings',
    siblings: await Promise.all(versions),
    etag: headers.get('etag') ?? '',
    token,
  };
}

/** Converts the answer to a PUT. Throws `bad-answer` if it has no token. */
export function toWritten(answer: ClientAnswer): Written {
  const { headers } = answer;
  const siblings = Number(headers.get('x-mec-siblings') ?? 1);
  return {
    token: requiredToken(answer),
    dot: headers.get('x-mec-dot') ?? '',
    etag: headers.get('etag') ?? undefined,
    siblings,
  };
}

/** Converts the answer to a DELETE. */
export function toDeleted(answer: ClientAnswer): Deleted {
  return { found: answer.status !== 404, token: tokenOf(answer) };
}

interface HttpMessage {
  readonly headers: {
    get(name: string): string | null | undefined;
    forEach(look: (value: string, name: string) => void): void;
  };
  readonly body: Uint8Array;
}

async function toVersion<T>(
  { headers, body }: HttpMessage,
  coding: string | null | undefined,
  codec: Codec<T>,
): Promise<Version<T>> {
  const contentEncoding = coding ?? undefined;
  const contentType = headers.get('content-type') ?? '';
  const meta: Record<string, string> = {};
  headers.forEach((value, name) => {
    if (name.startsWith(META)) meta[name.slice(META.length)] = value;
  });
  let value: T;
  try {
    const isAsStored = contentEncoding === undefined || codec.keepsEncoding === true;
    value = codec.decode(
      isAsStored ? body : await decodeContent(body, contentEncoding),
      contentType,
    );
  } catch (cause) {
    const why = cause instanceof Error ? cause.message : String(cause);
    const detail = `The codec cannot read the value (${contentType}, ${body.length} bytes): ${why}`;
    throw clientError('bad-value', { detail, cause });
  }
  return {
    value,
    dot: headers.get('x-mec-dot') ?? '',
    etag: headers.get('etag') ?? '',
    contentType,
    contentEncoding,
    timestampMicros: Math.floor(Number(headers.get('x-mec-timestamp') ?? 0) / 1000),
    expires: headers.get('x-mec-expires') ?? undefined,
    clientId: headers.get('x-mec-client-id') ?? undefined,
    meta,
  };
}
