/** The results of the client's calls, and their construction from HTTP answers. */
import { codecError } from './client-error.ts';
import type { Codec } from './codec.ts';
import { decodeContent } from './content-coding.ts';
import { type AskedCall, type ClientAnswer, oddAnswer } from './attempt.ts';
import { MAX_ANSWER_PARTS } from './limits.ts';
import { parseMultipart } from './multipart.ts';
import { DOT_PATTERN } from '../core/causality/dot.ts';

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

/** The beginning of the names of headers with metadata. */
export const META = 'x-mec-meta-';

/** Base64, as in the header of a node. An empty token would be a write without one. */
const TOKEN = /^[A-Za-z0-9+/]+={0,2}$/;
const WHOLE = /^\d{1,20}$/;

/** Throws the error of an answer that no node gives, and names its wrong part. */
export type Refuse = (part: string) => never;

/** The refusal of the answer to a request. */
export const refuseAnswer =
  (asked: AskedCall, { status }: Pick<ClientAnswer, 'status'>): Refuse =>
  (part) => {
    throw oddAnswer(`The answer is not of a MecDB node: ${part}`, asked, { status });
  };

/** A header of an answer; `usual` if the answer has none. */
function fieldOf(
  { headers }: HttpMessage,
  name: string,
  { syntax, usual, refuse }: { syntax: RegExp; usual?: string; refuse: Refuse },
): string {
  const text = headers.get(name) ?? usual ?? '';
  return text === usual || syntax.test(text) ? text : refuse(name);
}

const tokenOf = (answer: ClientAnswer, refuse: Refuse): Token =>
  fieldOf(answer, 'x-mec-vclock', { syntax: TOKEN, refuse }) as Token;

const dotOf = (message: HttpMessage, refuse: Refuse): string =>
  fieldOf(message, 'x-mec-dot', { syntax: DOT_PATTERN, refuse });

/** The answer that a key has no value. It has a token if a node knows the key's past. */
const missing = (answer: ClientAnswer, refuse: Refuse): Missing => ({
  kind: 'missing',
  token: answer.headers.get('x-mec-vclock') === null ? undefined : tokenOf(answer, refuse),
});

/** The versions of a read: none, one, or several. */
export function versionsOf<T>(read: Read<T>): readonly Version<T>[] {
  if (read.kind === 'missing') return [];
  return read.kind === 'value' ? [read] : read.siblings;
}

/** The dots of a read's versions. */
export const dotsOf = (read: Read<unknown>): string[] => versionsOf(read).map(({ dot }) => dot);

/** The values of a read's versions. */
export const valuesOf = <T>(read: Read<T>): T[] => versionsOf(read).map(({ value }) => value);

/**
 * Converts the answer to a GET. Throws `bad-answer` if no node gives that answer, and `bad-value`
 * if the codec cannot read a value.
 */
export async function toRead<T>(answer: ClientAnswer, codec: Codec<T>): Promise<Read<T>> {
  const refuse = refuseAnswer({ method: 'GET' }, answer);
  if (answer.status === 404) return missing(answer, refuse);
  const token = tokenOf(answer, refuse);
  // A single value was requested with `raw=true`. Otherwise `fetch` would already have removed its
  // encoding.
  const { headers } = answer;
  if (answer.status !== 300) {
    const coding = headers.get('x-mec-content-encoding');
    return { kind: 'value', ...(await toVersion(answer, { coding, codec, refuse })), token };
  }
  const parts = parseMultipart(headers.get('content-type') ?? '', answer.body, MAX_ANSWER_PARTS);
  // Without two values there is no conflict, and an `update` would write over what it did not read.
  if (parts === undefined || parts.length < 2) return refuse('its multipart body');
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
  const refuse = refuseAnswer({ method: 'PUT' }, answer);
  const siblings = fieldOf(answer, 'x-mec-siblings', { syntax: WHOLE, usual: '1', refuse });
  return {
    token: tokenOf(answer, refuse),
    dot: dotOf(answer, refuse),
    etag: answer.headers.get('etag') ?? undefined,
    siblings: Number(siblings),
  };
}

/** Converts the answer to a DELETE, and returns the dot of the delete. Throws as `toWritten`. */
export function toDeleted(answer: ClientAnswer): Deleted & { readonly dot: string } {
  const refuse = refuseAnswer({ method: 'DELETE' }, answer);
  if (answer.status === 404) return { found: false, token: missing(answer, refuse).token, dot: '' };
  return { found: true, token: tokenOf(answer, refuse), dot: dotOf(answer, refuse) };
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
    throw codecError(`read the value (${contentType}, ${body.length} bytes)`, cause);
  }
  const nanos = fieldOf(message, 'x-mec-timestamp', { syntax: WHOLE, usual: '0', refuse });
  return {
    value,
    dot: dotOf(message, refuse),
    etag: headers.get('etag') ?? '',
    contentType,
    contentEncoding,
    timestampMicros: Math.floor(Number(nanos) / 1000),
    expires: headers.get('x-mec-expires') ?? undefined,
    clientId: headers.get('x-mec-client-id') ?? undefined,
    meta,
  };
}
