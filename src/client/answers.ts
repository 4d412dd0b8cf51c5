/** What a client hands out, and how it is made of HTTP answers. */
import { clientError } from './client-error.ts';
import type { Codec } from './codec.ts';
import { decodeContent } from './content-coding.ts';
import type { DeliveredAnswer } from './delivery.ts';
import { parseMultipart } from './multipart.ts';

/** What somebody has seen of a key: hand it to the write that replaces it. Opaque, and of no use for another key. */
export type Token = string & { readonly __brand: 'mec-token' };

/** One value of a key, with what is kept beside it. */
export interface Version<T> {
  readonly value: T;
  /** The name of the write that made it, `node~life:counter`. */
  readonly dot: string;
  readonly etag: string;
  readonly contentType: string;
  /**
   * How the stored bytes are encoded (`Content-Encoding`), where they are. `value` is decoded,
   * unless its codec keeps that.
   */
  readonly contentEncoding: string | undefined;
  /** When a node took it, µs since 1970. It informs; it decides nothing. */
  readonly timestampMicros: number;
  /** When it expires, as an HTTP date, where it does. */
  readonly expires: string | undefined;
  /** Who wrote it, where the writer said so. */
  readonly clientId: string | undefined;
  /** Names in lower case. */
  readonly meta: Readonly<Record<string, string>>;
}

/** There is no value. The token, where there is one, covers what once was there. */
export interface Missing {
  readonly kind: 'missing';
  readonly token: Token | undefined;
}

/** There is one value. */
export interface Value<T> extends Version<T> {
  readonly kind: 'value';
  readonly token: Token;
}

/**
 * There are several values that had not seen each other, newest first. A write with this token
 * replaces all of them.
 */
export interface Siblings<T> {
  readonly kind: 'siblings';
  readonly siblings: readonly Version<T>[];
  /** Of all of them together. */
  readonly etag: string;
  readonly token: Token;
}

/** What a key holds. Whoever wants the value has to say what happens when there is none, and when there are several. */
export type Read<T> = Missing | Value<T> | Siblings<T>;

/** What a write did. */
export interface Written {
  /** Covers this write and what its writer had seen. */
  readonly token: Token;
  readonly dot: string;
  readonly etag: string;
  /** How many values the key has now, as far as the node knows; more than one wants a merge. */
  readonly siblings: number;
}

/** What a delete did. */
export interface Deleted {
  /** Whether there was anything. */
  readonly found: boolean;
  readonly token: Token | undefined;
}

const META = 'x-mec-meta-';

const tokenOf = (answer: DeliveredAnswer): Token | undefined =>
  (answer.headers.get('x-mec-vclock') ?? undefined) as Token | undefined;

/** The token of an answer that must have one. */
function requiredToken(answer: DeliveredAnswer): Token {
  const token = tokenOf(answer);
  if (token === undefined)
    throw clientError('bad-answer', { status: answer.status, detail: 'The answer has no X-Mec-Vclock' });
  return token;
}

/** The versions of a read: none, one, or several. */
export function versionsOf<T>(read: Read<T>): readonly Version<T>[] {
  if (read.kind === 'missing') return [];
  return read.kind === 'value' ? [read] : read.siblings;
}

/** Their dots. */
export const dotsOf = (read: Read<unknown>): string[] =>
  versionsOf(read)
    .map(({ dot }) => dot)
    .filter((dot) => dot !== '');

/** Their values. */
export const valuesOf = <T>(read: Read<T>): T[] => versionsOf(read).map(({ value }) => value);

/** What a GET answered. */
export async function toRead<T>(answer: DeliveredAnswer, codec: Codec<T>): Promise<Read<T>> {
  if (answer.status === 404) return { kind: 'missing', token: tokenOf(answer) };
  const token = requiredToken(answer);
  // A lone value was asked for raw: by its own name, fetch would have acted upon the coding already.
  const { headers } = answer;
  if (answer.status !== 300) {
    return { kind: 'value', ...(await toVersion(answer, headers.get('x-mec-content-encoding'), codec)), token };
  }
  const parts = parseMultipart(headers.get('content-type') ?? '', answer.body);
  if (parts === undefined)
    throw clientError('bad-answer', { status: 300, detail: 'The siblings are not well-formed multipart/mixed' });
  const versions = parts.map((part) => toVersion(part, part.headers.get('content-encoding'), codec));
  return { kind: 'siblings', siblings: await Promise.all(versions), etag: headers.get('etag') ?? '', token };
}

/** What a PUT answered. */
export function toWritten(answer: DeliveredAnswer): Written {
  const { headers } = answer;
  const siblings = Number(headers.get('x-mec-siblings') ?? 1);
  return {
    token: requiredToken(answer),
    dot: headers.get('x-mec-dot') ?? '',
    etag: headers.get('etag') ?? '',
    siblings,
  };
}

/** What a DELETE answered. */
export function toDeleted(answer: DeliveredAnswer): Deleted {
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
    value = codec.decode(isAsStored ? body : await decodeContent(body, contentEncoding), contentType);
  } catch (cause) {
    const why = cause instanceof Error ? cause.message : String(cause);
    const detail = `The value (${contentType}, ${body.length} bytes) cannot be read: ${why}`;
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
