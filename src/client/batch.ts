/**
 * Many calls in few requests (`POST /batch`). An operation that fails in a way that may pass is
 * sent again with the next batch, until the deadline.
 */
import { bytesToUtf8, utf8ToBytes } from '../base/bytes.ts';
import { refuseAnswer } from './answers.ts';
import { accept, type AskedCall, type ClientAnswer } from './attempt.ts';
import type { ClientCalls, KeyCall } from './calls.ts';
import { MecClientError } from './client-error.ts';
import type { TimeLimits } from './delivery.ts';
import { MAX_BATCH_BYTES, MAX_BATCH_OPERATIONS } from './limits.ts';
import { latin1 } from './multipart.ts';
import { pauseAfter } from './pause.ts';

/** The parts of a client that a batch needs. */
type BatchClient = Pick<ClientCalls<unknown>, 'parts' | 'send' | 'run'>;

/** Calls of one kind with different keys. */
export class ClientBatch<Result> {
  readonly #client: BatchClient;
  readonly #limits: TimeLimits;
  /** The results and errors by key, in the order of the calls. */
  readonly #outcomes = new Map<string, Result | MecClientError | undefined>();
  /** The calls that are too large for a batch. */
  readonly #alone: KeyCall<Result>[] = [];

  constructor(client: BatchClient, limits: TimeLimits) {
    this.#client = client;
    this.#limits = limits;
  }

  /**
   * Makes the calls. Resolves with their results by key. If some have failed, rejects with the
   * error of the first, which names the keys of all; or with the reason of the signal.
   */
  async run(calls: readonly KeyCall<Result>[]): Promise<Map<string, Result>> {
    for (const { key } of calls) this.#outcomes.set(key, undefined);
    let pending = calls;
    for (let round = 0; pending.length > 0; round++) {
      if (round > 0 && !(await pauseAfter(this.#client.parts.world, round - 1, this.#limits)))
        break;
      pending = await this.#sendAll(pending);
    }
    for (const call of this.#alone)
      await this.#keep(call, () => this.#client.run(call, this.#limits));
    const failed = [...this.#outcomes].filter(
      (entry): entry is [string, MecClientError] => entry[1] instanceof MecClientError,
    );
    const [first] = failed;
    if (first === undefined) return this.#outcomes as Map<string, Result>;
    const [, error] = first;
    error.message = `${failed.length} of ${calls.length} keys failed. ${error.message}`;
    error.mayTakeEffect = failed.some(([, { mayTakeEffect }]) => mayTakeEffect);
    error.failedKeys = failed.map(([key]) => key);
    throw error;
  }

  /** Sends calls in as few batches as their limits allow. Resolves with those to be sent again. */
  async #sendAll(calls: readonly KeyCall<Result>[]): Promise<KeyCall<Result>[]> {
    const again: KeyCall<Result>[] = [];
    let part: KeyCall<Result>[] = [];
    let lines = '';
    const send = async (): Promise<void> => {
      again.push(...(await this.#send(part, lines)));
      part = [];
      lines = '';
    };
    for (const call of calls) {
      const line = lineOf(call);
      if (!fits(line)) {
        this.#alone.push(call);
        continue;
      }
      if (part.length === MAX_BATCH_OPERATIONS || !fits(lines + line)) await send();
      part.push(call);
      lines += line;
    }
    if (part.length > 0) await send();
    return again;
  }

  /** Sends one batch. Resolves with the calls that must be sent again. */
  async #send(part: readonly KeyCall<Result>[], lines: string): Promise<KeyCall<Result>[]> {
    const request = {
      method: 'POST',
      path: '/batch',
      headers: { 'content-type': 'application/x-ndjson' },
      body: utf8ToBytes(lines),
      isRead: part[0]?.method === 'GET',
    } as const;
    const again: KeyCall<Result>[] = [];
    let answers: readonly ClientAnswer[];
    try {
      answers = toAnswers(request, await this.#client.send(request, this.#limits), part.length);
    } catch (error) {
      // The request was repeated until the deadline.
      for (const { key } of part) this.#fail(key, error);
      return again;
    }
    for (const [i, call] of part.entries()) {
      const answer = answers[i] as ClientAnswer;
      const error = await this.#keep(call, async () =>
        call.convert(accept(this.#client.parts.world, 'The node', call, answer)),
      );
      if (error?.code === 'batch-too-large') this.#alone.push(call);
      else if (error?.retriable === true) again.push(call);
    }
    return again;
  }

  /** Keeps the result of a call, or its error, and returns the error. */
  async #keep(
    { key }: KeyCall<Result>,
    work: () => Promise<Result>,
  ): Promise<MecClientError | undefined> {
    try {
      this.#outcomes.set(key, await work());
      return undefined;
    } catch (error) {
      return this.#fail(key, error);
    }
  }

  /** Keeps the error of a call. Each error speaks of its own try only. */
  #fail(key: string, error: unknown): MecClientError {
    if (!(error instanceof MecClientError)) throw error;
    const before = this.#outcomes.get(key);
    const isAgain = before instanceof MecClientError;
    // The answer of a node tells more than a deadline.
    const kept = isAgain && error.code === 'deadline' ? before : error;
    kept.mayTakeEffect = error.mayTakeEffect || (isAgain && before.mayTakeEffect);
    this.#outcomes.set(key, kept);
    return error;
  }
}

/** Whether lines are within the limit of a batch. A character has at most three bytes. */
const fits = ({ length }: string): boolean => 3 * length <= MAX_BATCH_BYTES;

/** The line of a call: its headers and parameters are fields. */
function lineOf<Result>({ key, method, query, headers, body }: KeyCall<Result>): string {
  const text = body === undefined ? undefined : bytesToUtf8(body);
  const value =
    body === undefined || text !== undefined
      ? { value: text }
      : { value: btoa(latin1(body)), encoding: 'base64' };
  return `${JSON.stringify({ op: method.toLowerCase(), key, ...query, ...headers, ...value })}\n`;
}

/** The answers of a batch, in order. Throws `bad-answer` if no node gives that answer. */
function toAnswers(asked: AskedCall, answer: ClientAnswer, count: number): ClientAnswer[] {
  const lines = (bytesToUtf8(answer.body) ?? '').split('\n');
  try {
    // Every line has its end. Otherwise the last one may be cut off.
    if (answer.status === 200 && lines.pop() === '' && lines.length === count)
      return lines.map(toAnswer);
  } catch {
    // A page of another server.
  }
  return refuseAnswer(asked, answer)('its body');
}

/** The answer in a line. Throws if it is none. */
function toAnswer(line: string): ClientAnswer {
  const { status, value, encoding, ...fields } = JSON.parse(line) as Record<string, unknown>;
  if (typeof status !== 'number') throw new TypeError();
  const text = typeof value === 'string' ? value : '';
  const body =
    encoding === 'base64'
      ? Uint8Array.from(atob(text), (character) => character.charCodeAt(0))
      : utf8ToBytes(text);
  return { status, headers: new Headers(fields as Record<string, string>), body };
}
