/**
 * The lines of a batch (NDJSON). A line asks for what one request for a key asks for: its headers
 * and parameters are fields. A line of the answer is the answer to that request: its status, its
 * headers as fields, and its body as text or base64.
 */
import { bytesToUtf8, utf8ToBytes } from '../base/bytes.ts';
import { MecError } from '../base/errors.ts';
import { MAX_BATCH_OPERATIONS, MAX_HEADER_BYTES } from './limits.ts';
import type { HttpAnswer, HttpRequest } from './exchange.ts';
import { bodyInMemory } from './body-in-memory.ts';
import { KEY_PREFIX } from './request.ts';

/** The method of each operation. */
const METHODS: Readonly<Record<string, string>> = { get: 'GET', put: 'PUT', delete: 'DELETE' };

/** Fields that are parameters of the request. The time limit is that of the whole batch. */
const PARAMETERS: ReadonlySet<string> = new Set(['r', 'w', 'pr', 'pw', 'vtag', 'raw', 'replace']);

/** Fields that are headers of the request, in lower case, in addition to those of MecDB. */
const HEADERS: ReadonlySet<string> = new Set([
  'accept',
  'content-digest',
  'content-encoding',
  'content-type',
  'idempotency-key',
  'if-match',
  'if-modified-since',
  'if-none-match',
  'if-unmodified-since',
]);
const OWN_HEADERS = 'x-mec-';

/** The syntax of headers. The parser of HTTP checks it for other requests. */
const HEADER_NAME = /^[\w!#$%&'*+.^`|~-]+$/;
const HEADER_VALUE = /^[\t\x20-\x7e\x80-\xff]*$/;

/** One line of a batch. */
export type BatchLine = Readonly<Record<string, unknown>>;

/**
 * The lines of a body. Throws `bad-request` if one is no JSON object, and `batch-too-large` if
 * there are too many. Nothing of such a batch is done.
 */
export function linesOf(body: Uint8Array): BatchLine[] {
  const text = bytesToUtf8(body);
  if (text === undefined) throw new MecError('bad-request', { detail: 'The batch is not UTF-8' });
  const lines = text.split('\n').filter((line) => line.trim() !== '');
  if (lines.length > MAX_BATCH_OPERATIONS) throw batchTooLarge(MAX_BATCH_OPERATIONS, 'operations');
  return lines.map((line, i) => {
    const fields = parse(line);
    if (typeof fields !== 'object' || fields === null || Array.isArray(fields))
      throw new MecError('bad-request', { detail: `Line ${i + 1} of the batch is no JSON object` });
    return fields as BatchLine;
  });
}

/** The error of a batch above a limit. */
export const batchTooLarge = (limit: number, unit: string): MecError =>
  new MecError('batch-too-large', {
    limit,
    detail: `A batch has at most ${limit} ${unit}. Nothing was done.`,
  });

function parse(line: string): unknown {
  try {
    return JSON.parse(line);
  } catch {
    return undefined;
  }
}

/** The key of a line; undefined if it names none. */
export const keyOfLine = ({ key }: BatchLine): string | undefined =>
  typeof key === 'string' ? key : undefined;

/**
 * The request that a line asks for. Throws `bad-parameter` if the line has an unknown field, or a
 * field of the wrong type.
 */
export function toRequest(line: BatchLine, timeoutMs: number): HttpRequest {
  const { op, key: _, value, encoding, ...fields } = line;
  const method = typeof op === 'string' && Object.hasOwn(METHODS, op) ? METHODS[op] : undefined;
  if (method === undefined) throw badField('op', 'must be "get", "put" or "delete"');
  const text = keyOfLine(line);
  if (text === undefined) throw badField('key', 'must be a string');
  if (method !== 'PUT' && (value ?? encoding) !== undefined)
    throw badField('value', 'is a field of "put" only');
  const headers: Record<string, string> = {};
  let query = `timeout=${timeoutMs}`;
  let headerBytes = 0;
  for (const [name, given] of Object.entries(fields)) {
    const field = name.toLowerCase();
    const told = toText(name, given);
    if (PARAMETERS.has(name)) query += `&${name}=${encodeURIComponent(told)}`;
    else if (!HEADERS.has(field) && !field.startsWith(OWN_HEADERS))
      throw badField(name, 'is unknown');
    else if (headers[field] !== undefined) throw badField(name, 'appears twice');
    else {
      if (!HEADER_NAME.test(name) || !HEADER_VALUE.test(told))
        throw badField(name, 'must be a header of HTTP: one line of Latin-1');
      headerBytes += name.length + told.length;
      headers[field] = told.trim();
    }
  }
  if (headerBytes > MAX_HEADER_BYTES)
    throw new MecError('headers-too-large', { limit: MAX_HEADER_BYTES });
  const body = method === 'PUT' ? bytesOf(value, encoding) : new Uint8Array();
  return { method, path: pathOf(text), query, headers, ...bodyInMemory(body) };
}

const badField = (parameter: string, must: string): MecError =>
  new MecError('bad-parameter', {
    parameter,
    detail: `The field ${JSON.stringify(parameter)} ${must}`,
  });

function toText(name: string, value: unknown): string {
  if (typeof value === 'string') return value;
  if (typeof value === 'number' || typeof value === 'boolean') return String(value);
  throw badField(name, 'must be a string, a number or a boolean');
}

function pathOf(key: string): string {
  try {
    return KEY_PREFIX + encodeURIComponent(key);
  } catch {
    throw new MecError('bad-key', { detail: 'The key is not well-formed Unicode' });
  }
}

function bytesOf(value: unknown, encoding: unknown = 'utf8'): Uint8Array {
  if (typeof value !== 'string') throw badField('value', 'must be a string');
  if (encoding === 'utf8') {
    if (/\p{Surrogate}/u.test(value)) throw badField('value', 'is not well-formed Unicode');
    return utf8ToBytes(value);
  }
  if (encoding !== 'base64') throw badField('encoding', 'must be "utf8" or "base64"');
  const bytes = Buffer.from(value, 'base64');
  if (bytes.toString('base64') !== value) throw badField('value', 'is not base64');
  return bytes;
}

/** Headers that say how a whole answer may be kept, which means nothing for a line. */
const NOT_IN_LINES: ReadonlySet<string> = new Set(['Cache-Control', 'Vary']);

/** The line for an answer. */
export function toLine(method: string, { status, headers, body }: HttpAnswer): string {
  const line: Record<string, unknown> = { status };
  for (const name in headers) if (!NOT_IN_LINES.has(name)) line[name] = headers[name];
  // A write has no body. An empty value is one.
  if (body !== undefined && (body.length > 0 || (method === 'GET' && status === 200))) {
    const text = bytesToUtf8(body);
    line['encoding'] = text === undefined ? 'base64' : 'utf8';
    line['value'] = text ?? Buffer.from(body).toString('base64');
  }
  return `${JSON.stringify(line)}\n`;
}
