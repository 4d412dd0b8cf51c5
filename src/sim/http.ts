/**
 * HTTP of the simulated clients: they build requests and parse answers. A malformed answer is an
 * error.
 */
import { bytesToUtf8, utf8ToBytes } from '../base/bytes.ts';
import { bodyInMemory } from '../http/body-in-memory.ts';
import { httpDateToMicros } from '../base/system.ts';
import type { HttpAnswer, HttpRequest } from '../http/exchange.ts';

/** A server, which rejects if no process answers. */
export interface Server {
  send(request: HttpRequest): Promise<HttpAnswer>;
}

/** A value of a key. */
export interface Sibling {
  readonly text: string;
  /** The entity tag, which names this value for ever. */
  readonly etag: string;
  readonly dot: string;
  /** The time at which it expires, µs since 1970, rounded down to the second. */
  readonly expiresMicros: number | undefined;
}

/** The values of a key. */
export interface ReadOutcome {
  readonly siblings: readonly Sibling[];
  /** The header of the answer; undefined if absent. */
  readonly token: string | undefined;
  /** The entity tag of all values; undefined if there are none. */
  readonly etag: string | undefined;
}

/** A write; without a value, a delete. */
export interface SimWrite {
  readonly value: string | undefined;
  readonly token: string | undefined;
  /** Whether the token is one of an answer, with a bit changed. */
  readonly isAltered?: boolean;
  /** More headers. */
  readonly headers?: Readonly<Record<string, string>> | undefined;
  readonly query?: string | undefined;
}

/** The result of a write. */
export interface WriteOutcome {
  readonly token: string | undefined;
  readonly dot: string | undefined;
}

/** Options of a read. */
export interface SimReadOptions {
  readonly query?: string | undefined;
  /** Dots that the answer must know. */
  readonly seen?: readonly string[] | undefined;
  /** The token of an answer without a value. The answer must have no version that it names. */
  readonly gone?: string | undefined;
}

/** The fields of an error that the users look at. */
type ProblemFields = Pick<AnswerError, 'code' | 'mayTakeEffect'> & { readonly status: number };

/** The node has answered with an error. */
export class AnswerError extends Error {
  readonly code: string;
  /** Whether a write may have taken effect; undefined for a read. */
  readonly mayTakeEffect: boolean | undefined;

  constructor({ status, code, mayTakeEffect }: ProblemFields) {
    super(`${status} ${code}`);
    this.code = code;
    this.mayTakeEffect = mayTakeEffect;
  }
}

const CONTENT_TYPE = 'text/plain; charset=utf-8';
const TOKEN = 'X-Mec-Vclock';
const NOTHING = new Uint8Array();

/** Reads a key. Rejects with `AnswerError` if the answer is an error. */
export async function readKey(
  server: Server,
  key: string,
  { query, seen = [], gone }: SimReadOptions = {},
): Promise<ReadOutcome> {
  const headers = {
    ...(seen.length > 0 && { 'x-mec-seen': seen.join(', ') }),
    ...(gone !== undefined && { 'x-mec-gone': gone }),
  };
  const answer = await ask(server, { path: pathOf(key), method: 'GET', headers, query });
  const token = answer.headers[TOKEN];
  const etag = answer.headers['ETag'];
  if (answer.status === 404) return { siblings: [], token, etag: undefined };
  if (answer.status === 200)
    return { siblings: [siblingOf(answer.headers, textOf(answer))], token, etag };
  if (answer.status !== 300) throw refusal(answer);
  const siblings = partsOf(answer);
  if (siblings.length < 2 || answer.headers['X-Mec-Siblings'] !== String(siblings.length))
    throw malformed(answer);
  return { siblings, token, etag };
}

/** Writes or deletes a key. Rejects with `AnswerError` if the answer is an error. */
export async function writeKey(server: Server, key: string, sent: SimWrite): Promise<WriteOutcome> {
  const { value, token, query } = sent;
  const isDelete = value === undefined;
  const headers = {
    ...(!isDelete && { 'content-type': CONTENT_TYPE }),
    ...(token !== undefined && { 'x-mec-vclock': token }),
    ...sent.headers,
  };
  const method = isDelete ? 'DELETE' : 'PUT';
  const answer = await ask(server, { path: pathOf(key), method, headers, query, value });
  if (answer.status !== (isDelete ? 204 : 200)) throw refusal(answer);
  return { token: answer.headers[TOKEN], dot: answer.headers['X-Mec-Dot'] };
}

/** Lists a page of keys. `next` is the first key of the next page, if there is one. */
export async function listKeys(
  server: Server,
  query: string,
): Promise<{ keys: string[]; next: string | undefined }> {
  const answer = await ask(server, { path: '/mec', method: 'GET', headers: {}, query });
  if (answer.status !== 200) throw refusal(answer);
  const page = JSON.parse(textOf(answer)) as { keys: string[]; next: string | null };
  return { keys: page.keys, next: page.next ?? undefined };
}

/** A request with the token of an identity, if there is one. */
export const provedBy = (token: string | undefined, request: HttpRequest): HttpRequest =>
  token === undefined
    ? request
    : { ...request, headers: { ...request.headers, authorization: `Bearer ${token}` } };

const pathOf = (key: string): string => `/mec/${encodeURIComponent(key)}`;

interface SimRequest extends Omit<HttpRequest, 'body' | 'chunks' | 'query'> {
  readonly query: string | undefined;
  readonly value?: string | undefined;
}

function ask(server: Server, { value, query = '', ...request }: SimRequest): Promise<HttpAnswer> {
  const body = value === undefined ? NOTHING : utf8ToBytes(value);
  return server.send({ ...request, query, ...bodyInMemory(body) });
}

const textOf = ({ body = NOTHING }: HttpAnswer): string => bytesToUtf8(body) ?? '';

const malformed = (answer: HttpAnswer): Error =>
  new Error(`malformed answer: ${JSON.stringify(textOf(answer))}`);

function refusal(answer: HttpAnswer): Error {
  if (answer.headers['Content-Type'] !== 'application/problem+json') return malformed(answer);
  const fields = JSON.parse(textOf(answer)) as ProblemFields;
  return fields.status === answer.status ? new AnswerError(fields) : malformed(answer);
}

function siblingOf(headers: Readonly<Record<string, string>>, text: string): Sibling {
  const etag = headers['ETag'];
  const dot = headers['X-Mec-Dot'];
  if (headers['Content-Type'] !== CONTENT_TYPE || etag === undefined || dot === undefined) {
    throw new Error(`a value came with the headers ${JSON.stringify(headers)}`);
  }
  const expires = headers['X-Mec-Expires'];
  return {
    text,
    etag,
    dot,
    expiresMicros: expires === undefined ? undefined : httpDateToMicros(expires),
  };
}

/** Returns the parts of a multipart/mixed answer (RFC 2046). */
function partsOf(answer: HttpAnswer): Sibling[] {
  const boundary =
    /^multipart\/mixed; boundary=([\w-]+)$/.exec(answer.headers['Content-Type'] ?? '')?.[1] ?? '';
  const text = textOf(answer);
  const [opening, closing] = [`--${boundary}\r\n`, `\r\n--${boundary}--\r\n`];
  if (boundary === '' || !text.startsWith(opening) || !text.endsWith(closing))
    throw malformed(answer);
  const parts = text.slice(opening.length, -closing.length).split(`\r\n--${boundary}\r\n`);
  return parts.map((part) => {
    const end = part.indexOf('\r\n\r\n');
    const lines = part.slice(0, Math.max(0, end)).split('\r\n');
    return siblingOf(
      Object.fromEntries(lines.map((line) => line.split(': ', 2) as [string, string])),
      part.slice(end + 4),
    );
  });
}
