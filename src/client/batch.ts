/**
 * Many operations in few requests (`POST /batch`). An operation that fails in a way that may pass
 * is sent again with the next batch, until the deadline.
 */
import { backoff } from '../base/delays.ts';
import { bytesToUtf8, utf8ToBytes } from '../base/bytes.ts';
import { accept, type ClientAnswer, type ClientRequest, oddAnswer } from './attempt.ts';
import { MecClientError } from './client-error.ts';
import { CLIENT_BACKOFF, MAX_BATCH_BYTES, MAX_BATCH_OPERATIONS } from './limits.ts';
import { latin1 } from './multipart.ts';
import { abortablePause } from './pause.ts';
import type { ClientWorld } from './world.ts';

/** The operations of a call, and the conversion of their answers. */
export interface BatchJob<Result> {
  readonly method: 'GET' | 'PUT';
  /** The operations as lines of JSON. */
  readonly lines: readonly string[];
  readonly convert: (answer: ClientAnswer, index: number) => Promise<Result>;
  /** Makes a request of its own for an operation that is too large for a batch. */
  readonly alone: (index: number, deadlineMs: number) => Promise<Result>;
}

/** The parts of a client that a batch needs. */
export interface BatchParts {
  readonly world: ClientWorld;
  readonly send: (call: ClientRequest, deadlineMs: number) => Promise<ClientAnswer>;
  readonly deadlineMs: number;
  readonly signal: AbortSignal | undefined;
}

/** Runs the operations. Each has a result or an error. Rejects with the reason of the signal. */
export async function runBatch<Result>(
  parts: BatchParts,
  job: BatchJob<Result>,
): Promise<(Result | MecClientError)[]> {
  return new ClientBatch(parts, job).run();
}

class ClientBatch<Result> {
  readonly #parts: BatchParts;
  readonly #job: BatchJob<Result>;
  readonly #untilMs: number;
  readonly #results: (Result | MecClientError)[] = [];
  /** The operations that must be sent alone. */
  readonly #alone: number[] = [];

  constructor(parts: BatchParts, job: BatchJob<Result>) {
    this.#parts = parts;
    this.#job = job;
    this.#untilMs = parts.world.clock.monotonicMs() + parts.deadlineMs;
  }

  get #leftMs(): number {
    return Math.max(1, this.#untilMs - this.#parts.world.clock.monotonicMs());
  }

  async run(): Promise<(Result | MecClientError)[]> {
    const { world, signal } = this.#parts;
    let pending = [...this.#job.lines.keys()];
    for (let round = 0; pending.length > 0; round++) {
      const again: number[] = [];
      for (const part of this.#split(pending)) again.push(...(await this.#send(part)));
      const pauseMs = backoff(world.random, round, CLIENT_BACKOFF);
      if (again.length === 0 || pauseMs >= this.#leftMs) break;
      await abortablePause(world.clock, pauseMs, signal);
      pending = again;
    }
    for (const index of this.#alone)
      await this.#keep(index, () => this.#job.alone(index, this.#leftMs));
    return this.#results;
  }

  /** Parts within the limits of a batch. An operation above them is left out, to be sent alone. */
  #split(indices: readonly number[]): number[][] {
    const parts: number[][] = [];
    let bytes = Infinity;
    for (const index of indices) {
      // A character has at most three bytes.
      const most = 3 * (this.#job.lines[index] as string).length + 1;
      if (most > MAX_BATCH_BYTES) {
        this.#alone.push(index);
        continue;
      }
      if (bytes + most > MAX_BATCH_BYTES || parts.at(-1)?.length === MAX_BATCH_OPERATIONS) {
        parts.push([]);
        bytes = 0;
      }
      parts.at(-1)?.push(index);
      bytes += most;
    }
    return parts;
  }

  /** Sends one batch. Resolves with the operations that must be sent again. */
  async #send(part: readonly number[]): Promise<number[]> {
    const { method, lines, convert } = this.#job;
    const body = utf8ToBytes(part.map((index) => `${lines[index]}\n`).join(''));
    const headers = { 'Content-Type': 'application/x-ndjson' };
    const isRead = method === 'GET';
    const call = { method: 'POST', path: '/batch', query: {}, headers, body, isRead } as const;
    let answers: readonly ClientAnswer[];
    try {
      answers = toAnswers(await this.#parts.send(call, this.#leftMs), part.length, isRead);
    } catch (error) {
      // The request was repeated until the deadline.
      if (!(error instanceof MecClientError)) throw error;
      for (const index of part) this.#fail(index, error);
      return [];
    }
    const again: number[] = [];
    for (const [i, index] of part.entries()) {
      const answer = answers[i] as ClientAnswer;
      const { clock } = this.#parts.world;
      const error = await this.#keep(index, () =>
        convert(accept('The node', answer, { method, nowMicros: clock.wallMicros() }), index),
      );
      if (error?.code === 'batch-too-large') this.#alone.push(index);
      else if (error?.retriable === true) again.push(index);
    }
    return again;
  }

  /** Keeps the result of an operation, or its error, and returns the error. */
  async #keep(index: number, work: () => Promise<Result>): Promise<MecClientError | undefined> {
    try {
      this.#results[index] = await work();
      return undefined;
    } catch (error) {
      if (!(error instanceof MecClientError)) throw error;
      this.#fail(index, error);
      return error;
    }
  }

  /** Keeps the error of an operation. Each error speaks of its own try only. */
  #fail(index: number, error: MecClientError): void {
    const before = this.#results[index];
    if (!(before instanceof MecClientError)) {
      this.#results[index] = error;
      return;
    }
    const mayTakeEffect = before.mayTakeEffect || error.mayTakeEffect;
    // The answer of a node tells more than a deadline.
    const kept = error.code === 'deadline' ? before : error;
    kept.mayTakeEffect = mayTakeEffect;
    this.#results[index] = kept;
  }
}

/** The answers of a batch, in order. Throws `bad-answer` if no node gives that answer. */
function toAnswers({ status, body }: ClientAnswer, count: number, isRead: boolean): ClientAnswer[] {
  const lines = (bytesToUtf8(body) ?? '').split('\n');
  // Every line has its end. Otherwise the last one may be cut off.
  const answers = lines.pop() === '' ? lines.map(toAnswer) : [];
  const whole = answers.filter((answer) => answer !== undefined);
  if (status !== 200 || whole.length !== count || lines.length !== count)
    throw oddAnswer('The answer to the batch is not one of a node', { status, isWrite: !isRead });
  return whole;
}

function toAnswer(line: string): ClientAnswer | undefined {
  try {
    const { status, value = '', encoding, ...fields } = JSON.parse(line) as Record<string, unknown>;
    if (typeof status !== 'number' || typeof value !== 'string') return undefined;
    const headers = new Map<string, string>();
    for (const [name, text] of Object.entries(fields))
      headers.set(name.toLowerCase(), String(text));
    const body = encoding === 'base64' ? base64ToBytes(value) : utf8ToBytes(value);
    const get = (name: string): string | null => headers.get(name) ?? null;
    return { status, headers: { get, forEach: headers.forEach.bind(headers) }, body };
  } catch {
    return undefined;
  }
}

const base64ToBytes = (text: string): Uint8Array =>
  Uint8Array.from(atob(text), (character) => character.charCodeAt(0));

/** Bytes as the value of an operation. */
export function toValueFields(bytes: Uint8Array): {
  readonly value: string;
  readonly encoding?: 'base64';
} {
  const text = bytesToUtf8(bytes);
  return text === undefined ? { value: btoa(latin1(bytes)), encoding: 'base64' } : { value: text };
}

/**
 * The results by key. If an operation failed, throws its error, which names all keys that have
 * failed.
 */
export function resultsByKey<Result>(
  keys: readonly string[],
  results: readonly (Result | MecClientError)[],
): Map<string, Result> {
  const done = new Map<string, Result>();
  const errors = new Map<string, MecClientError>();
  for (const [i, key] of keys.entries()) {
    const result = results[i] as Result | MecClientError;
    if (result instanceof MecClientError) errors.set(key, result);
    else done.set(key, result);
  }
  const [first] = errors.values();
  if (first === undefined) return done;
  const failed = [...errors.keys()];
  first.message = `${failed.length} of ${keys.length} keys failed. ${first.message}`;
  first.mayTakeEffect = [...errors.values()].some(({ mayTakeEffect }) => mayTakeEffect);
  first.failedKeys = failed;
  throw first;
}
