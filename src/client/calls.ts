/**
 * The calls of a client with single keys, as its methods make them: request, answer, and the memory
 * of both in the session.
 */
import { drawName } from '../core/causality/actor.ts';
import { type Read, type Token, toRead, toWritten, type Written } from './answers.ts';
import type { ClientAnswer, ClientRequest } from './attempt.ts';
import { clientError, type MecClientError } from './client-error.ts';
import type { Codec } from './codec.ts';
import { deliver, type TimeLimits } from './delivery.ts';
import { CLIENT_ATTEMPT_MS, CLIENT_DEADLINE_MS } from './limits.ts';
import type { NodePool } from './node-pool.ts';
import type { CallOptions, ClientOptions, GetOptions, PutOptions } from './options.ts';
import { seenHeaders, type Session } from './session.ts';
import type { UpdateQueue } from './update-queue.ts';
import type { ClientWorld } from './world.ts';

/** The parts that clients of several types of values share. */
export interface ClientParts {
  readonly world: ClientWorld;
  readonly pool: NodePool;
  readonly session: Session;
  /** Runs the updates of one key one after the other. */
  readonly updateQueue: UpdateQueue;
  readonly options: Omit<ClientOptions<unknown>, 'codec'>;
}

/** The calls of a client for values of type `T`. */
export class ClientCalls<T> {
  readonly parts: ClientParts;
  readonly codec: Codec<T>;

  constructor(parts: ClientParts, codec: Codec<T>) {
    this.parts = parts;
    this.codec = codec;
  }

  /** Reads a key. */
  async get(key: string, options: GetOptions): Promise<Read<T>> {
    const { session } = this.parts;
    const { r, monotonic = true } = options;
    const asked = session.seen(key);
    const headers = monotonic ? seenHeaders(asked) : {};
    const answer = await this.send(
      { method: 'GET', path: pathOf(key), query: { r, raw: 'true' }, headers },
      options,
    );
    const read = await toRead(answer, this.codec);
    if (monotonic) session.noteAnswer(key, asked, read);
    return read;
  }

  /** Writes a key. */
  async put(
    key: string,
    value: T,
    options: PutOptions,
    query: ClientRequest['query'],
  ): Promise<Written> {
    const body = this.encode(value);
    const headers = this.contentHeaders(options);
    const call = { method: 'PUT', path: pathOf(key), query, headers, body } as const;
    return this.noteWritten(key, await this.send(call, options), options.token);
  }

  /** Converts the answer to a write, and remembers the write. */
  noteWritten(key: string, answer: ClientAnswer, token?: Token): Written {
    const written = toWritten(answer);
    this.parts.session.noteWrite(key, written.dot, token);
    return written;
  }

  /** The headers of a write with a value. */
  contentHeaders(options: PutOptions): Record<string, string> {
    const {
      contentType = this.codec.contentType,
      contentEncoding,
      clientId,
      meta = {},
      ttlSeconds,
    } = options;
    const headers = this.writeHeaders(options.token);
    headers['Content-Type'] = contentType;
    if (contentEncoding !== undefined) headers['Content-Encoding'] = contentEncoding;
    if (clientId !== undefined) headers['X-Mec-Client-ID'] = clientId;
    headers[options.once === true ? 'Idempotency-Key' : 'X-Mec-Write-ID'] = drawName(
      this.parts.world.random,
    );
    if (options.ifMissing === true) headers['If-None-Match'] = '*';
    if (options.ifMatch !== undefined) headers['If-Match'] = options.ifMatch;
    if (ttlSeconds !== undefined) headers['X-Mec-TTL'] = String(ttlSeconds);
    for (const [name, text] of Object.entries(meta)) headers[`X-Mec-Meta-${name}`] = text;
    return headers;
  }

  /** The headers of any write. */
  writeHeaders(token: Token | undefined): Record<string, string> {
    const { options } = this.parts;
    const headers: Record<string, string> = {};
    if (token !== undefined) headers['X-Mec-Vclock'] = token;
    if (options.clientId !== undefined) headers['X-Mec-Client-ID'] = options.clientId;
    return headers;
  }

  /** The time limits of a call. */
  timeLimits({ deadlineMs, attemptMs, signal }: CallOptions): TimeLimits {
    const { options } = this.parts;
    return {
      deadlineMs: deadlineMs ?? options.deadlineMs ?? CLIENT_DEADLINE_MS,
      attemptMs: attemptMs ?? options.attemptMs ?? CLIENT_ATTEMPT_MS,
      signal,
    };
  }

  /** Sends a request until a node answers. */
  send(call: ClientRequest, options: CallOptions): Promise<ClientAnswer> {
    const { world, pool } = this.parts;
    return deliver(world, pool, { call, timeLimits: this.timeLimits(options) });
  }

  /** The bytes of a value. Throws `bad-value` if the codec cannot write it. */
  encode(value: T): Uint8Array {
    try {
      return this.codec.encode(value);
    } catch (cause) {
      const reason = cause instanceof Error ? cause.message : String(cause);
      throw clientError('bad-value', {
        detail: `The codec cannot write the value: ${reason}`,
        cause,
      });
    }
  }
}

/**
 * The path of a key. The whole key is one segment. URLs drop the segments `.` and `..`, even if
 * they are escaped. Throws `bad-key` if the key has no path.
 */
export function pathOf(key: string): string {
  const refuse = (detail: string): MecClientError =>
    clientError('bad-key', { status: 400, detail });
  if (key === '') throw refuse('The key is empty');
  if (key === '.' || key === '..')
    throw refuse(`The key ${JSON.stringify(key)} cannot be part of a URL`);
  try {
    return `/mec/${encodeURIComponent(key)}`;
  } catch {
    throw refuse('The key is not well-formed Unicode');
  }
}
