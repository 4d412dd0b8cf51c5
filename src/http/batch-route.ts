/**
 * The route `/batch`: many operations on keys in one request. Each goes through the very route of a
 * single request, so the same checks and rights apply, and no operation knows of the others.
 */
import { utf8ToBytes } from '../base/bytes.ts';
import type { Env } from '../base/env.ts';
import { MecError, messageOf, nothingWritten, toMecError } from '../base/errors.ts';
import { badHeader } from './bad-header.ts';
import {
  type BatchLine,
  batchTooLarge,
  keyOfLine,
  linesOf,
  toLine,
  toRequest,
} from './batch-format.ts';
import type { HttpAnswer, HttpRequest } from './exchange.ts';
import { type KeyRoutes, serveKey } from './key-routes.ts';
import {
  BATCH_CONCURRENCY,
  MAX_BATCH_ANSWER_BYTES,
  MAX_BATCH_BYTES,
  MAX_BATCHES,
} from './limits.ts';
import { byMethod, type Methods } from './methods.ts';
import { parametersOf } from './parameters.ts';
import { failure } from './problem.ts';

/** The path of batches. */
export const BATCH_PATH = '/batch';

/** The batches of a server that are under way. */
export interface BatchRoutes extends KeyRoutes {
  readonly env: KeyRoutes['env'] & Pick<Env, 'log'>;
  /** Their number. */
  readonly batches: { count: number };
}

const BATCH_METHODS: Methods<'/batch', BatchRoutes> = { POST: serve };

/** Answers a batch. Rejects with a `MecError` if nothing of it was done. */
export const serveBatch = byMethod(BATCH_PATH, BATCH_METHODS, ({ headers }) => {
  const name = Object.keys(headers).find((header) => header.startsWith('x-mec-'));
  if (name !== undefined) throw badHeader(name, 'belongs into the operations of a batch');
});

async function serve(routes: BatchRoutes, request: HttpRequest): Promise<HttpAnswer> {
  const { node, env, batches } = routes;
  const { config } = node;
  const asked = parametersOf(request, 'batch', config.quorum.n);
  const lines = linesOf(await bodyOf(request));
  if (batches.count >= MAX_BATCHES)
    throw new MecError('overloaded', {
      ...nothingWritten(`${MAX_BATCHES} batches are in progress.`),
      retryAfter: 1,
    });
  const endMs = env.clock.monotonicMs() + (asked.timeoutMs ?? config.quorum.timeoutMs);
  batches.count += 1;
  try {
    const body = utf8ToBytes((await new BatchRun(routes, request, lines, endMs).run()).join(''));
    return { status: 200, headers: { 'Content-Type': 'application/x-ndjson' }, body };
  } finally {
    batches.count -= 1;
  }
}

async function bodyOf(request: HttpRequest): Promise<Uint8Array> {
  try {
    return await request.body(MAX_BATCH_BYTES);
  } catch (error) {
    const { code } = toMecError(error);
    throw code === 'value-too-large' ? batchTooLarge(MAX_BATCH_BYTES, 'bytes') : error;
  }
}

/** One batch under way. */
class BatchRun {
  readonly #routes: BatchRoutes;
  readonly #sender: Pick<HttpRequest, 'caller' | 'access'>;
  readonly #lines: readonly BatchLine[];
  readonly #endMs: number;
  readonly #answers: string[] = [];
  /** The last operation of each key. */
  readonly #lastOfKey = new Map<string, Promise<void>>();
  #next = 0;
  #answerChars = 0;

  constructor(
    routes: BatchRoutes,
    { caller, access }: HttpRequest,
    lines: readonly BatchLine[],
    endMs: number,
  ) {
    this.#routes = routes;
    this.#sender = { caller, access };
    this.#lines = lines;
    this.#endMs = endMs;
  }

  /** The lines of the answers, in the order of the operations. */
  async run(): Promise<readonly string[]> {
    const count = Math.min(BATCH_CONCURRENCY, this.#lines.length);
    await Promise.all(Array.from({ length: count }, () => this.#work()));
    return this.#answers;
  }

  async #work(): Promise<void> {
    while (this.#next < this.#lines.length) {
      const index = this.#next++;
      const line = this.#lines[index] as BatchLine;
      // Operations on one key are done in their order: a later one sees what an earlier one wrote.
      const key = keyOfLine(line) ?? '';
      const before = this.#lastOfKey.get(key);
      const done = this.#doNext(index, line, before);
      this.#lastOfKey.set(key, done);
      await done;
    }
  }

  async #doNext(index: number, line: BatchLine, before: Promise<void> | undefined): Promise<void> {
    await before;
    const method = line['op'] === 'get' ? 'GET' : 'PUT';
    let answer: HttpAnswer;
    try {
      answer = await this.#answer(line);
    } catch (error) {
      const known = toMecError(error);
      if (known.code === 'internal')
        this.#routes.env.log.error('request failed', { method, reason: messageOf(error) });
      answer = failure(method, known);
    }
    let told = toLine(method, answer);
    if (this.#answerChars + told.length > MAX_BATCH_ANSWER_BYTES && method === 'GET')
      told = toLine(method, failure(method, noRoom()));
    this.#answerChars += told.length;
    this.#answers[index] = told;
  }

  async #answer(line: BatchLine): Promise<HttpAnswer> {
    const leftMs = Math.floor(this.#endMs - this.#routes.env.clock.monotonicMs());
    if (leftMs < 1)
      throw new MecError('timeout', nothingWritten('The time of the batch was over before.'));
    const request = toRequest(line, leftMs);
    if (request.method === 'GET' && this.#answerChars >= MAX_BATCH_ANSWER_BYTES) throw noRoom();
    return serveKey(this.#routes, { ...request, ...this.#sender });
  }
}

/** The error of a read whose answer would make that of the batch too large. */
const noRoom = (): MecError =>
  new MecError('batch-too-large', {
    limit: MAX_BATCH_ANSWER_BYTES,
    detail: 'The answers of this batch are too large together. Read this key in another request.',
  });
