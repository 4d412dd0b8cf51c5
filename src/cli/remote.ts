/**
 * The parts that all commands for a cluster share: addresses, error messages, and values as JSON.
 */
import { httpUrl } from '../base/address.ts';
import { bytesToUtf8 } from '../base/bytes.ts';
import { messageOf } from '../base/errors.ts';
import { httpDateToMicros, systemClock } from '../base/system.ts';
import { isJsonType } from '../core/value/media-type.ts';
import type { Quorum } from '../core/quorum/quorum.ts';
import type { Version } from '../client/answers.ts';
import { MecClient } from '../client/client.ts';
import { clientError, MecClientError } from '../client/client-error.ts';
import { bytes } from '../client/codec.ts';
import { attempt, type ClientRequest } from '../client/attempt.ts';
import { NodePool } from '../client/node-pool.ts';
import { type ClientWorld, systemWorld } from '../client/world.ts';
import type { ServerStatus } from '../http/server-status.ts';
import { DEFAULT_URL } from './default-url.ts';
import { EXIT } from './exit-codes.ts';
import { type CliCredentials, credentialsOf, fetchWith } from './credentials.ts';
import { print, remark } from './terminal.ts';

/** The options of every such command. */
export interface RemoteOptions {
  readonly url: string;
  /** The file of a client, with nodes and credentials. */
  readonly client?: string;
  /** Credentials in place of those of the file and the environment. */
  readonly proofs?: CliCredentials;
  readonly json?: boolean;
  readonly timeout: number;
}

/** The quorums of a command that reads keys, or also writes them. */
export interface QuorumOptions {
  readonly r?: Quorum;
  readonly w?: Quorum;
}

/** Ends a command with one line on stderr and an exit code. */
export class ExitError extends Error {
  readonly exitCode: number;

  constructor(exitCode: number, message: string) {
    super(message);
    this.exitCode = exitCode;
  }
}

/** The advice for an error, by its code. */
const NEXT: Readonly<Record<string, string>> = {
  unreachable:
    'set the address of a running node with --url or MEC_URL, or start a cluster with "mec dev"',
  deadline: 'try again, or wait longer with --timeout',
  'quorum-not-met': 'try again, or require fewer replicas with --r (reads) or --w (writes)',
  timeout: 'try again, or wait longer with --timeout',
  overloaded: 'try again later',
  unauthenticated: 'give --client FILE, or set MEC_TOKEN, to a token that counts',
  forbidden: 'an administrator can grant it with "mec security grant"',
  'too-many-siblings': 'merge them with "mec resolve KEY"',
  'bad-vclock': 'get the token of this key with "mec get KEY --json"',
  'value-too-large': 'raise http.maxvalue on the nodes, or split the value',
};

/** The credentials of each command: its files are read once. */
const credentials = new Map<string | undefined, CliCredentials>();

/** The credentials in the options. Throws `ExitError` if their files are in disorder. */
function proofsOf({ client, proofs }: Pick<RemoteOptions, 'client' | 'proofs'>): CliCredentials {
  const known = proofs ?? credentials.get(client);
  if (known !== undefined) return known;
  try {
    const read = credentialsOf(client);
    credentials.set(client, read);
    return read;
  } catch (error) {
    throw new ExitError(EXIT.usage, messageOf(error));
  }
}

const worldOf = (options: Pick<RemoteOptions, 'client' | 'proofs'>): ClientWorld => ({
  ...systemWorld,
  fetch: fetchWith(proofsOf(options)),
});

/** The base URLs of the nodes in the options. Throws `ExitError` if one is invalid. */
export function urlsOf(options: Pick<RemoteOptions, 'url' | 'client' | 'proofs'>): string[] {
  const { url } = options;
  const given = url === DEFAULT_URL ? (proofsOf(options).url ?? url) : url;
  const urls = given.split(',').map((one) => one.trim());
  try {
    return new NodePool(urls, systemWorld).nodes.map((node) => node.url);
  } catch (error) {
    throw new ExitError(EXIT.usage, messageOf(error));
  }
}

/** A client for the nodes in the options. */
function connect(options: RemoteOptions): MecClient<Uint8Array> {
  return new MecClient(urlsOf(options), {
    codec: bytes,
    deadlineMs: options.timeout,
    clientId: 'mec',
    world: worldOf(options),
  });
}

/**
 * The JSON answer of the first node that answers. Each node is asked once, with the whole time
 * limit. Rejects with a `MecClientError`.
 */
export async function askNode<T>(
  options: RemoteOptions,
  call: Pick<ClientRequest, 'method' | 'path'> & Partial<Pick<ClientRequest, 'query' | 'body'>>,
): Promise<T> {
  let last: unknown;
  for (const url of urlsOf(options)) {
    try {
      return await askOne(worldOf(options), url, { call, timeoutMs: options.timeout });
    } catch (error) {
      last = error;
      if (error instanceof MecClientError && error.status !== undefined) throw error;
    }
  }
  throw last;
}

interface AskOptions {
  readonly call: Omit<ClientRequest, 'headers'>;
  readonly timeoutMs: number;
}

/** The JSON answer of the node at a URL. Rejects with a `MecClientError`. */
export async function askOne<T>(
  world: ClientWorld,
  url: string,
  { call, timeoutMs }: AskOptions,
): Promise<T> {
  // The routes for operators have no parameter for the timeout.
  const whole = { ...call, query: { timeout: undefined, ...call.query }, headers: {} };
  const signal = AbortSignal.timeout(timeoutMs);
  const { status, body } = await attempt(world, url, { call: whole, attemptMs: timeoutMs, signal });
  const document = bytesToJson(body);
  if (document === undefined)
    throw clientError('bad-answer', {
      status,
      detail: `the answer of ${url} is not JSON`,
      retriable: true,
    });
  return document as T;
}

/** The URL of a member: as secure as that of the node that knows it. */
export const urlOfMember = (
  { host, httpport }: { readonly host: string; readonly httpport: number },
  options: Pick<RemoteOptions, 'url' | 'client'>,
): string =>
  httpUrl(host, httpport, urlsOf(options)[0]?.startsWith('https:') === true ? 'https' : 'http');

/** The status of one node; undefined if it does not answer. */
export const statusOf = (options: RemoteOptions): Promise<ServerStatus | undefined> =>
  askNode<ServerStatus>(options, { method: 'GET', path: '/status' }).catch(() => undefined);

function bytesToJson(body: Uint8Array): unknown {
  try {
    return JSON.parse(new TextDecoder().decode(body)) as unknown;
  } catch {
    return undefined;
  }
}

/** Runs the action of a command that needs a client. */
export const runRemote = (
  options: RemoteOptions,
  action: (client: MecClient<Uint8Array>) => Promise<number>,
): Promise<void> => reported(options, () => action(connect(options)));

/**
 * Runs the action of a command, which resolves with an exit code. An error becomes one line on
 * stderr and an exit code.
 */
export async function reported(
  options: Pick<RemoteOptions, 'json'>,
  action: () => Promise<number>,
): Promise<void> {
  try {
    process.exitCode = await action();
  } catch (error) {
    process.exitCode = exitCodeOf(error);
    if (options.json === true) await print(process.stderr, `${errorJson(error)}\n`);
    else remark(sentenceWithAdvice(error));
  }
}

function exitCodeOf(error: unknown): number {
  if (error instanceof ExitError) return error.exitCode;
  if (!(error instanceof MecClientError)) return EXIT.failed;
  return error.retriable ? EXIT.unavailable : EXIT.failed;
}

/** The error as one line. The message of a client error already includes its cause. */
function sentenceOf(error: unknown): string {
  const message = error instanceof MecClientError ? error.message : messageOf(error);
  return message.replaceAll(/\s*\n\s*/g, ' ').replace(/\.$/, '');
}

function sentenceWithAdvice(error: unknown): string {
  const next = error instanceof MecClientError ? NEXT[error.code] : undefined;
  const isUnsure = error instanceof MecClientError && error.mayTakeEffect;
  const clauses = [
    sentenceOf(error),
    isUnsure ? 'the command may have taken effect' : undefined,
    next,
  ];
  return clauses.filter((clause) => clause !== undefined).join('; ');
}

function errorJson(error: unknown): string {
  const {
    status,
    have,
    need,
    retriable,
    mayTakeEffect,
    code = codeOf(error),
  } = error as Partial<MecClientError>;
  return JSON.stringify({
    error: { code, message: sentenceOf(error), status, have, need, retriable, mayTakeEffect },
  });
}

/** The name of an error's exit code, for errors without a code of their own. */
function codeOf(error: unknown): string {
  const exitCode = exitCodeOf(error);
  return Object.entries(EXIT).find(([, code]) => code === exitCode)?.[0] ?? '';
}

/** A value in JSON: as JSON if it is JSON, else as text, else as base64. */
export interface JsonValue {
  readonly encoding: 'json' | 'utf8' | 'base64';
  readonly value: unknown;
}

/** The JSON form of bytes. */
function toJsonValue(value: Uint8Array, contentType: string): JsonValue {
  const text = bytesToUtf8(value);
  if (text === undefined)
    return { encoding: 'base64', value: Buffer.from(value).toString('base64') };
  if (isJsonType(contentType)) {
    try {
      const parsed: unknown = JSON.parse(text);
      // Only if parsing loses nothing: white space, order, or digits that JSON.parse rounds.
      if (JSON.stringify(parsed) === text) return { encoding: 'json', value: parsed };
    } catch {
      // The content type says JSON, but the text is not.
    }
  }
  return { encoding: 'utf8', value: text };
}

/** The bytes of a JSON form. Throws a `TypeError` if it is malformed. */
export function fromJsonValue({ encoding, value }: JsonValue): Uint8Array {
  if (encoding === 'json') return Buffer.from(JSON.stringify(value));
  if (typeof value !== 'string')
    throw new TypeError(`a value with encoding ${encoding} must be a string`);
  if (encoding === 'base64') return Buffer.from(value, 'base64');
  return Buffer.from(value);
}

/** A version as JSON. */
export function toJsonVersion({ value, ...version }: Version<Uint8Array>): Record<string, unknown> {
  const { dot, etag, contentType, contentEncoding, timestampMicros, clientId, meta, expires } =
    version;
  const kept = { contentType, contentEncoding, expires, meta };
  return { dot, etag, timestampMicros, clientId, ...kept, ...toJsonValue(value, contentType) };
}

/** The whole seconds until an HTTP date; 0 if it has passed, undefined if there is none. */
export function secondsLeft(expires: string | undefined): number | undefined {
  if (expires === undefined) return undefined;
  const micros = httpDateToMicros(expires) ?? 0;
  return Math.max(0, Math.ceil((micros - systemClock.wallMicros()) / 1e6));
}
