/** The results of the client's calls, and their construction from HTTP answers. */
import { clientError } from './client-error.ts';
import type { Codec } from './codec.ts';
import { decodeContent } from './content-coding.ts';
import { type ClientAnswer, oddAnswer } from './attempt.ts';
import { MAX_ANSWER_PARTS } from './limits.ts';
import { parseMultipart } from './multipart.ts';
import { parseDot } from '../core/causality/dot.ts';

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

/** Base64, as in the header of a node. An empty token would be a write without one. */
const TOKEN = /^[A-Za-z0-9+/]+={0,2}$/;
const WHOLE = /^\d{1,20}$/;

/** Throws the error of an answer that no node gives. */
type Refuse = (detail: string) => never;

const refuseAnswer =
  ({ status }: Pick<ClientAnswer, 'status'>, isWrite: boolean): Refuse =>
  (detail) => {
    throw oddAnswer(detail, { status, isWrite });
  };

/** The token of an answer; undefined if it has none. */
function tokenOf({ headers }: ClientAnswer, refuse: Refuse): Token | undefined {
  const token = headers.get('x-mec-vclock') ?? undefined;
  if (token !== undefined && !TOKEN.test(token)) refuse('X-Mec-Vclock of the answer is no token');
  return token as Token | undefined;
}

const requiredToken = (answer: ClientAnswer, refuse: Refuse): Token =>
  tokenOf(answer, refuse) ?? refuse('The answer has no X-Mec-Vclock, so it is not of a node');

function dotOf({ headers }: HttpMessage, refuse: Refuse): string {
  const dot = headers.get('x-mec-dot') ?? '';
  return parseDot(dot) === undefined ? refuse('X-Mec-Dot of the answer is no dot') : dot;
}

/** A whole number in a header. */
function wholeOf({ headers }: HttpMessage, name: string, usual: number, refuse: Refuse): number {
  const text = headers.get(name) ?? undefined;
  if (text !== undefined && !WHOLE.test(text)) refuse(`${name} of the answer is no number`);
  return text === undefined ? usual : Number(text);
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
 * Converts the answer to a GET. Throws `bad-answer` if no node gives that answer, and `bad-value`
 * if the codec cannot read a value.
 */
export async function toRead<T>(answer: ClientAnswer, codec: Codec<T>): Promise<Read<T>> {
  const refuse = refuseAnswer(answer, false);
  if (answer.status === 404) return { kind: 'missing', token: tokenOf(answer, refuse) };
  const token = requiredToken(answer, refuse);
  // A single value was requested with `raw=true`. Otherwise `fetch` would already have removed its
  // encoding.
  const { headers } = answer;
  if (answer.status !== 300) {
    const coding = headers.get('x-mec-content-encoding');
    return { kind: 'value', ...(await toVersion(answer, { coding, codec, refuse })), token };
  }
  const parts = parseMultipart(headers.get('content-type') ?? '', answer.body, MAX_ANSWER_PARTS);
  // Without two values there is no conflict, and an `update` would write over what it did not read.
  if (parts === undefined || parts.length < 2)
    return refuse('The body with the siblings is not well-formed multipart/mixed of several parts');
  const versions = parts.map((part) =>
    toVersion(part, { coding: part.headers.get('content-encoding'), codec, refuse }),
  );
  return {
    kind: 'siblings',
    siblings: await Promise.all(versions),
    etag: headers.get('etag') ?? '',
    token,
  };
}

/**
 * Converts the answer to a PUT. Throws `bad-answer` if no node gives that answer. The write may
 * have been made all the same: a proxy that drops headers may stand before the node.
 */
export function toWritten(answer: ClientAnswer): Written {
  const refuse = refuseAnswer(answer, true);
  return {
    token: requiredToken(answer, refuse),
    dot: dotOf(answer, refuse),
    etag: answer.headers.get('etag') ?? undefined,
    siblings: wholeOf(answer, 'x-mec-siblings', 1, refuse),
  };
}

/** Converts the answer to a DELETE, and returns the dot of the delete. Throws as `toWritten`. */
export function toDeleted(answer: ClientAnswer): Deleted & { readonly dot: string } {
  const refuse = refuseAnswer(answer, true);
  if (answer.status === 404) return { found: false, token: tokenOf(answer, refuse), dot: '' };
  return { found: true, token: requiredToken(answer, refuse), dot: dotOf(answer, refuse) };
}

interface HttpMessage {
  readonly headers: {
    get(name: string): string | null | undefined;
    forEach(look: (value: string, name: string) => void): void;
  };
  readonly body: Uint8Array;
}

interface Reading<T> {
  /** The Content-Encoding of the bytes. */
  readonly coding: string | null | undefined;
  readonly codec: Codec<T>;
  readonly refuse: Refuse;
}

async function toVersion<T>(
  message: HttpMessage,
  { coding, codec, refuse }: Reading<T>,
): Promise<Version<T>> {
  const { headers, body } = message;
  const contentEncoding = coding ?? undefined;
  const contentType = headers.get('content-type') ?? '';
  const meta: Record<string, string> = {};
  headers.forEach((value, name) => {
    if (name.startsWith(META)) meta[name.slice(META.length)] = value;
  });
  let value: T;
  try {
    const isAsStored = contentEncoding === undefined || codec.keepsEncoding === true;
    value = await codec.decode(
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
    dot: dotOf(message, refuse),
    etag: headers.get('etag') ?? '',
    contentType,
    contentEncoding,
    timestampMicros: Math.floor(wholeOf(message, 'x-mec-timestamp', 0, refuse) / 1000),
    expires: headers.get('x-mec-expires') ?? undefined,
    clientId: headers.get('x-mec-client-id') ?? undefined,
    meta,
  };
}
