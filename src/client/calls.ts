/**
 * The calls of a client with keys: the request for each, the meaning of its answer, and the memory
 * of both in the session.
 */
import { drawName } from '../core/causality/actor.ts';
import {
  type Deleted,
  META,
  type Read,
  toDeleted,
  toRead,
  toWritten,
  type Written,
} from './answers.ts';
import type { ClientAnswer, ClientRequest, RequestFields } from './attempt.ts';
import { clientError, codecError } from './client-error.ts';
import type { Codec } from './codec.ts';
import { deliver, type TimeLimits } from './delivery.ts';
import { CLIENT_ATTEMPT_MS, CLIENT_DEADLINE_MS } from './limits.ts';
import type { NodePool } from './node-pool.ts';
import type {
  CallOptions,
  ClientOptions,
  DeleteOptions,
  GetOptions,
  PutOptions,
} from './options.ts';
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
  /** Returns the proof of identity: no print of a client has what a function returns. */
  readonly authorization: () => string | undefined;
  readonly options: Omit<ClientOptions<unknown>, 'codec' | 'token'>;
}

/** A call with one key: a request of its own, or an operation of a batch. */
export interface KeyCall<Result> extends Omit<ClientRequest, 'path' | 'isRead'> {
  readonly key: string;
  /** Converts a good answer, and remembers it. */
  readonly convert: (answer: ClientAnswer) => Result | Promise<Result>;
}

/** The calls of a client for values of type `T`. */
export class ClientCalls<T> {
  readonly parts: ClientParts;
  readonly codec: Codec<T>;

  constructor(parts: ClientParts, codec: Codec<T>) {
    this.parts = parts;
    this.codec = codec;
  }

  /** The read of a key. */
  read(key: string, { r, monotonic = true }: GetOptions): KeyCall<Read<T>> {
    const { session } = this.parts;
    const asked = session.seen(key);
    return {
      key,
      method: 'GET',
      query: { r, raw: 'true' },
      headers: monotonic ? seenHeaders(asked) : {},
      convert: async (answer) => {
        const read = await toRead(answer, this.codec);
        if (monotonic) session.noteAnswer(key, asked, read);
        return read;
      },
    };
  }

  /** The write of a key. Throws `bad-value` if the codec cannot write the value. */
  write(key: string, value: T, options: PutOptions, query: KeyCall<T>['query']): KeyCall<Written> {
    let body: Uint8Array;
    try {
      body = this.codec.encode(value);
    } catch (cause) {
      throw codecError('write the value', cause);
    }
    const { token } = options;
    const convert = (answer: ClientAnswer): Written => {
      const written = toWritten(answer);
      this.parts.session.noteWrite(key, written.dot, token);
      return written;
    };
    return { key, method: 'PUT', query, headers: this.#contentHeaders(options), body, convert };
  }

  /** The write of a key over whatever is there. */
  replace(key: string, value: T, options: PutOptions & Pick<GetOptions, 'r'>): KeyCall<Written> {
    return this.write(key, value, options, { r: options.r, w: options.w, replace: 'true' });
  }

  /** The delete of a key. */
  delete(key: string, options: DeleteOptions): KeyCall<Deleted> {
    const { r, w, token } = options;
    const convert = (answer: ClientAnswer): Deleted => {
      const { dot, ...deleted } = toDeleted(answer);
      this.parts.session.noteWrite(key, dot, token);
      return deleted;
    };
    return { key, method: 'DELETE', query: { r, w }, headers: this.#headers(options), convert };
  }

  /** Makes a call by a request of its own. */
  async run<Result>(
    { key, convert, ...request }: KeyCall<Result>,
    limits: TimeLimits,
  ): Promise<Result> {
    return convert(await this.send({ ...request, path: pathOf(key) }, limits));
  }

  /** Sends a request until a node answers. */
  send(call: ClientRequest, limits: TimeLimits): Promise<ClientAnswer> {
    const { world, pool, authorization } = this.parts;
    const headers = { ...call.headers, authorization: authorization() };
    return deliver(world, pool, { ...call, headers }, limits);
  }

  /** The time limits of a call, which may take the default time several times. */
  timeLimits(
    { deadlineMs, attemptMs, signal }: CallOptions,
    { times = 1, usualAttemptMs = CLIENT_ATTEMPT_MS } = {},
  ): TimeLimits {
    const { options, world } = this.parts;
    const wholeMs = deadlineMs ?? times * (options.deadlineMs ?? CLIENT_DEADLINE_MS);
    return {
      untilMs: world.clock.monotonicMs() + wholeMs,
      attemptMs: attemptMs ?? options.attemptMs ?? usualAttemptMs,
      signal,
    };
  }

  /** The headers of a write with a value. */
  #contentHeaders(options: PutOptions): RequestFields {
    const { contentType = this.codec.contentType, once, meta = {} } = options;
    const name = once === true ? 'idempotency-key' : 'x-mec-write-id';
    return {
      ...this.#headers(options),
      'content-type': contentType,
      'content-encoding': options.contentEncoding,
      [name]: drawName(this.parts.world.random),
      'if-none-match': options.ifMissing === true ? '*' : undefined,
      'if-match': options.ifMatch,
      'x-mec-ttl': options.ttlSeconds,
      ...Object.fromEntries(Object.entries(meta).map(([of, text]) => [META + of, text])),
    };
  }

  /** The headers of any write. */
  #headers({ token, clientId = this.parts.options.clientId }: PutOptions): RequestFields {
    return { 'x-mec-vclock': token, 'x-mec-client-id': clientId };
  }
}

/**
 * The path of a key. The whole key is one segment. URLs drop the segments `.` and `..`, even if
 * they are escaped. Throws `bad-key` if the key has no path.
 */
function pathOf(key: string): string {
  try {
    if (!/^\.{0,2}$/.test(key)) return `/mec/${encodeURIComponent(key)}`;
  } catch {
    // The key is not well-formed Unicode.
  }
  const detail = `The key ${JSON.stringify(key)} cannot be part of a URL`;
  throw clientError('bad-key', { status: 400, detail });
}
