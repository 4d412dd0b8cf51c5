/** HTTP as the simulated clients speak it: requests put together, answers taken apart, and what is not as it should be is an error. */
import { bytesToUtf8, utf8ToBytes } from '../base/bytes.ts';
import type { PlainAnswer, Server } from './front.ts';

/** One value of a key. */
export interface Sibling {
  readonly text: string;
  /** Names this value for ever. */
  readonly etag: string;
}

/** What a key holds. */
export interface Found {
  readonly siblings: readonly Sibling[];
  /** The header as it came, where one came. */
  readonly token: string | undefined;
}

/** What to write; without a value, it is a delete. */
export interface Sent {
  readonly value: string | undefined;
  readonly token: string | undefined;
}

/** The node has answered, and the answer is no. */
export class Refused extends Error {
  readonly code: string;

  constructor(status: number, code: string) {
    super(`${status} ${code}`);
    this.code = code;
  }
}

const CONTENT_TYPE = 'text/plain; charset=utf-8';
const TOKEN = 'X-Mec-Vclock';
const NOTHING = new Uint8Array();

/** Reads a key; rejects with `Refused`. */
export async function readKey(server: Server, key: string): Promise<Found> {
  const answer = await ask(server, key, { method: 'GET' });
  const token = answer.headers[TOKEN];
  if (answer.status === 404) return { siblings: [], token };
  if (answer.status === 200) return { siblings: [siblingOf(answer.headers, textOf(answer))], token };
  if (answer.status !== 300) throw refusal(answer);
  const siblings = partsOf(answer);
  if (siblings.length < 2 || answer.headers['X-Mec-Siblings'] !== String(siblings.length)) throw malformed(answer);
  return { siblings, token };
}

/** Writes or deletes a key; resolves with the token of the answer, rejects with `Refused`. */
export async function writeKey(server: Server, key: string, { value, token }: Sent): Promise<string | undefined> {
  const isDelete = value === undefined;
  const answer = await ask(server, key, { method: isDelete ? 'DELETE' : 'PUT', value, token });
  if (answer.status !== (isDelete ? 204 : 200)) throw refusal(answer);
  return answer.headers[TOKEN];
}

function ask(
  server: Server,
  key: string,
  { method, value, token }: { method: string; value?: string | undefined; token?: string | undefined },
): Promise<PlainAnswer> {
  const headers: Record<string, string> = {};
  if (value !== undefined) headers['content-type'] = CONTENT_TYPE;
  if (token !== undefined) headers['x-mec-vclock'] = token;
  const body = value === undefined ? NOTHING : utf8ToBytes(value);
  const path = `/mec/${encodeURIComponent(key)}`;
  return server.send({ method, path, query: '', headers, body: async () => body });
}

const textOf = ({ body = NOTHING }: PlainAnswer): string => bytesToUtf8(body) ?? '';

const malformed = (answer: PlainAnswer): Error => new Error(`malformed answer: ${JSON.stringify(textOf(answer))}`);

function refusal(answer: PlainAnswer): Error {
  if (answer.headers['Content-Type'] !== 'application/problem+json') return malformed(answer);
  const { code, status } = JSON.parse(textOf(answer)) as { code: string; status: number };
  return status === answer.status ? new Refused(status, code) : malformed(answer);
}

function siblingOf(headers: Readonly<Record<string, string>>, text: string): Sibling {
  const etag = headers['ETag'];
  if (headers['Content-Type'] !== CONTENT_TYPE || etag === undefined) {
    throw new Error(`a value came with the headers ${JSON.stringify(headers)}`);
  }
  return { text, etag };
}

/** The parts of a multipart/mixed answer (RFC 2046). */
function partsOf(answer: PlainAnswer): Sibling[] {
  const boundary = /^multipart\/mixed; boundary=([\w-]+)$/.exec(answer.headers['Content-Type'] ?? '')?.[1] ?? '';
  const text = textOf(answer);
  const [opening, closing] = [`--${boundary}\r\n`, `\r\n--${boundary}--\r\n`];
  if (boundary === '' || !text.startsWith(opening) || !text.endsWith(closing)) throw malformed(answer);
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
