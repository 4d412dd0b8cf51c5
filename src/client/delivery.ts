/**
 * Sends one request to the cluster until a node answers. If a node fails, the next one is tried. A
 * late read also goes to a second node. After each round of all nodes there is a longer, random
 * pause. One deadline holds for everything.
 *
 * A write is repeated with the same bytes, token and name. So if an attempt took effect but its
 * answer was lost, the repetition only writes the same state again.
 */
import { backoff } from '../base/delays.ts';
import type { Timer } from '../base/env.ts';
import { isErrorCode } from '../base/errors.ts';
import { httpDateToMicros } from '../base/system.ts';
import { MAX_TIMEOUT_MS } from '../core/limits.ts';
import { CLIENT_BACKOFF, CLIENT_SERVER_SHARE } from './limits.ts';
import { clientError, type MecClientError } from './client-error.ts';
import type { NodePool, PoolNode } from './node-pool.ts';
import type { ClientWorld, FetchResponse } from './world.ts';

/** A request that any node can serve. */
export interface ClientRequest {
  readonly method: 'GET' | 'PUT' | 'POST' | 'DELETE';
  /** The path of the URL, from the first slash. */
  readonly path: string;
  readonly query: Readonly<Record<string, string | number | undefined>>;
  readonly headers: Record<string, string>;
  readonly body?: Uint8Array | undefined;
}

/** A complete answer. */
export interface ClientAnswer {
  readonly status: number;
  readonly headers: FetchResponse['headers'];
  readonly body: Uint8Array;
}

/** The time limits of a request. */
export interface TimeLimits {
  /** In total, with all repetitions, ms. */
  readonly deadlineMs: number;
  /** For each node, ms. */
  readonly attemptMs: number;
  readonly signal?: AbortSignal | undefined;
}

/** The statuses of a successful answer. A 404 counts too, if it means a key without a value. */
const GOOD: ReadonlySet<number> = new Set([200, 202, 204, 300]);

/** The reasons of a failed `fetch` that has sent nothing. Only Node.js tells them. */
const NOT_CONNECTED: ReadonlySet<string> = new Set(['ECONNREFUSED', 'ENOTFOUND', 'EAI_AGAIN']);

/** The syntax of a header. If it were broken, `fetch` would fail as if no node could be reached. */
const HEADER_NAME = /^[\w!#$%&'*+.^`|~-]+$/;
const HEADER_VALUE = /^[\t\x20-\x7e\x80-\xff]*$/;

/**
 * Sends a request until a node answers. Rejects with a `MecClientError`, or with the signal's
 * reason.
 */
export async function deliver(
  world: ClientWorld,
  pool: NodePool,
  request: { call: ClientRequest; timeLimits: TimeLimits },
): Promise<ClientAnswer> {
  for (const [name, value] of Object.entries(request.call.headers)) assertHeader(name, value);
  return new Promise((resolve, reject) =>
    new Delivery(world, pool, { ...request, resolve, reject }).start(),
  );
}

function assertHeader(name: string, value: string): void {
  if (HEADER_NAME.test(name) && HEADER_VALUE.test(value)) return;
  const subject = HEADER_NAME.test(name)
    ? `The value of the header ${name}`
    : `The header name ${JSON.stringify(name)}`;
  const detail = `${subject} has a character that HTTP does not allow; a value must be one line of Latin-1`;
  throw clientError('bad-parameter', { status: 400, detail });
}

interface Job {
  readonly call: ClientRequest;
  readonly timeLimits: TimeLimits;
  readonly resolve: (answer: ClientAnswer) => void;
  readonly reject: (reason: unknown) => void;
}

interface PendingAttempt {
  readonly node: PoolNode;
  readonly controller: AbortController;
  readonly sentMs: number;
}

class Delivery {
  readonly #world: ClientWorld;
  readonly #pool: NodePool;
  readonly #job: Job;
  readonly #isRead: boolean;
  readonly #untilMs: number;
  readonly #pendingAttempts = new Set<PendingAttempt>();
  readonly #timers = new Set<Timer>();
  /** The nodes that were asked in this round. */
  readonly #askedNodes = new Set<PoolNode>();
  /** The time until which each node has asked for a pause. */
  readonly #untilMsByNode = new Map<PoolNode, number>();
  #rounds = 0;
  #isOver = false;
  #lastError: MecClientError | undefined;
  /** Whether a write was sent whose outcome is unknown. */
  #isUnknown = false;

  constructor(world: ClientWorld, pool: NodePool, job: Job) {
    this.#world = world;
    this.#pool = pool;
    this.#job = job;
    this.#isRead = job.call.method === 'GET';
    this.#untilMs = world.clock.monotonicMs() + job.timeLimits.deadlineMs;
  }

  start(): void {
    const { signal, deadlineMs } = this.#job.timeLimits;
    if (signal?.aborted === true) return this.#job.reject(signal.reason);
    signal?.addEventListener('abort', this.#onAbort, { once: true });
    if (this.#isRead) this.#pool.noteRead();
    this.#runAfter(deadlineMs, () => this.#giveUp());
    this.#askNextNode();
  }

  readonly #onAbort = (): void =>
    this.#end(() => this.#job.reject(this.#job.timeLimits.signal?.reason));

  #askNextNode(): void {
    const node = this.#pool.pick(this.#askedNodes);
    if (node === undefined) return this.#nextRound();
    this.#askedNodes.add(node);
    const pending = {
      node,
      controller: new AbortController(),
      sentMs: this.#world.clock.monotonicMs(),
    };
    this.#pendingAttempts.add(pending);
    const attemptMs = Math.min(this.#job.timeLimits.attemptMs, this.#untilMs - pending.sentMs);
    const timer = this.#runAfter(attemptMs, () => pending.controller.abort());
    if (
      this.#isRead &&
      this.#askedNodes.size < this.#pool.nodes.length &&
      this.#pendingAttempts.size === 1
    )
      this.#hedgeLater(pending);
    void attempt(this.#world, node.url, {
      call: this.#job.call,
      attemptMs,
      signal: pending.controller.signal,
    })
      .then((answer) => this.#handleAnswer(pending, answer))
      .catch((error: unknown) => this.#handleFailure(pending, error as MecClientError))
      .finally(() => timer.cancel());
  }

  #hedgeLater(pending: PendingAttempt): void {
    this.#runAfter(this.#pool.hedgeMs, () => {
      if (
        this.#pendingAttempts.has(pending) &&
        this.#pendingAttempts.size === 1 &&
        this.#pool.mayHedge()
      )
        this.#askNextNode();
    });
  }

  #handleAnswer(pending: PendingAttempt, answer: ClientAnswer): void {
    if (this.#isOver) return;
    this.#pendingAttempts.delete(pending);
    this.#pool.noteAnswer(pending.node, this.#world.clock.monotonicMs() - pending.sentMs);
    // A node that was asked earlier and has not answered is slow, or hangs.
    for (const other of this.#pendingAttempts)
      if (other.sentMs < pending.sentMs) this.#noteFailure(other);
    this.#end(() => this.#job.resolve(answer));
  }

  #handleFailure(pending: PendingAttempt, error: MecClientError): void {
    if (this.#isOver) return;
    this.#pendingAttempts.delete(pending);
    this.#isUnknown ||= error.mayTakeEffect;
    if (!error.retriable) return this.#end(() => this.#job.reject(this.#withOutcome(error)));
    this.#noteFailure(pending);
    if (error.retryAfterMs !== undefined)
      this.#untilMsByNode.set(pending.node, this.#world.clock.monotonicMs() + error.retryAfterMs);
    // An error with a count of replicas tells the caller more than an unreachable node.
    if (this.#lastError?.need === undefined || error.need !== undefined) this.#lastError = error;
    if (this.#pendingAttempts.size === 0) this.#askNextNode();
  }

  #noteFailure({ node, sentMs }: PendingAttempt): void {
    this.#pool.noteFailure(node, this.#world.clock.monotonicMs() - sentMs);
  }

  /**
   * All nodes were asked: after a pause, asks again those that have not requested a longer pause.
   */
  #nextRound(): void {
    if (this.#pendingAttempts.size > 0) return;
    const nowMs = this.#world.clock.monotonicMs();
    const waitMs = Math.min(
      ...this.#pool.nodes.map((node) => (this.#untilMsByNode.get(node) ?? 0) - nowMs),
    );
    // No node wants another request before the deadline.
    if (waitMs > this.#untilMs - nowMs) return this.#giveUp();
    const pauseMs = Math.max(0, waitMs) + backoff(this.#world.random, this.#rounds, CLIENT_BACKOFF);
    this.#rounds += 1;
    this.#runAfter(pauseMs, () => {
      const thenMs = this.#world.clock.monotonicMs();
      this.#askedNodes.clear();
      for (const [node, untilMs] of this.#untilMsByNode)
        if (untilMs > thenMs) this.#askedNodes.add(node);
      this.#askNextNode();
    });
  }

  #giveUp(): void {
    if (!this.#isRead && this.#pendingAttempts.size > 0) this.#isUnknown = true;
    const late = clientError('deadline', { mayTakeEffect: this.#isUnknown });
    this.#end(() => this.#job.reject(this.#withOutcome(this.#lastError ?? late)));
  }

  #withOutcome(error: MecClientError): MecClientError {
    // The node speaks of its own attempt only.
    if (this.#isUnknown && !error.mayTakeEffect)
      error.message = `The last of several attempts failed: ${error.message}`;
    error.mayTakeEffect = this.#isUnknown;
    return error;
  }

  #end(outcome: () => void): void {
    if (this.#isOver) return;
    this.#isOver = true;
    for (const timer of this.#timers) timer.cancel();
    for (const { controller } of this.#pendingAttempts) controller.abort();
    this.#job.timeLimits.signal?.removeEventListener('abort', this.#onAbort);
    outcome();
  }

  #runAfter(delayMs: number, task: () => void): Timer {
    const timer = this.#world.clock.after(delayMs, () => {
      this.#timers.delete(timer);
      task();
    });
    this.#timers.add(timer);
    return timer;
  }
}

/**
 * Sends one request to one node. Rejects with a `MecClientError`, which says whether this attempt
 * of a write may have taken effect.
 */
export async function attempt(
  world: ClientWorld,
  url: string,
  { call, attemptMs, signal }: { call: ClientRequest; attemptMs: number; signal: AbortSignal },
): Promise<ClientAnswer> {
  const query = new URLSearchParams();
  const timeout = Math.min(
    Math.max(1, Math.floor(attemptMs * CLIENT_SERVER_SHARE)),
    MAX_TIMEOUT_MS,
  );
  for (const [name, value] of Object.entries({ timeout, ...call.query })) {
    if (value !== undefined) query.set(name, String(value));
  }
  const { method, path, headers, body } = call;
  const isWrite = method !== 'GET';
  let answer: ClientAnswer;
  try {
    // The standard allows a body of bytes, but one version of its types does not.
    const init = {
      method,
      headers,
      signal,
      ...(body === undefined ? {} : { body: body as Uint8Array<ArrayBuffer> }),
    };
    const response = await world.fetch(`${url}${path}?${query.toString()}`, init);
    answer = {
      status: response.status,
      headers: response.headers,
      body: new Uint8Array(await response.arrayBuffer()),
    };
  } catch (cause) {
    if (signal.aborted)
      throw clientError('deadline', {
        detail: `${url} did not answer within ${Math.round(attemptMs)} ms`,
        mayTakeEffect: isWrite,
        cause,
      });
    throw clientError('unreachable', {
      detail: `${url} is unreachable: ${reasonOf(cause)}`,
      mayTakeEffect: isWrite && !NOT_CONNECTED.has(codeOf(cause)),
      cause,
    });
  }
  if (GOOD.has(answer.status)) return answer;
  const error = errorOf(url, answer, { isWrite, nowMicros: world.clock.wallMicros() });
  if (error.code === 'not-found') return answer;
  throw error;
}

/** The code of a system error: that of the cause if `fetch` itself has failed; or empty. */
function codeOf(thrown: unknown): string {
  if (!(thrown instanceof Error)) return '';
  const { code } = (thrown.cause ?? thrown) as { code?: unknown };
  return typeof code === 'string' ? code : '';
}

/** In Node, the reason for a failed `fetch` is the cause of its error. */
function reasonOf(thrown: unknown): string {
  if (!(thrown instanceof Error)) return String(thrown);
  const cause = thrown.cause as { code?: string; message?: string } | undefined;
  return cause?.code ?? cause?.message ?? thrown.message;
}

function errorOf(
  url: string,
  { status, headers, body }: ClientAnswer,
  { isWrite, nowMicros }: { readonly isWrite: boolean; readonly nowMicros: number },
): MecClientError {
  const retryAfterMs = retryAfterOf(headers.get('retry-after'), nowMicros);
  let problem: Record<string, unknown> = {};
  try {
    problem = JSON.parse(new TextDecoder().decode(body)) as typeof problem;
  } catch {
    // The body is not a problem document.
  }
  const { code, detail, have, need } = problem;
  // A proxy does not know whether the node behind it has the write.
  const mayTakeEffect = isWrite && (problem['mayTakeEffect'] ?? status >= 500) !== false;
  if (!isErrorCode(code)) {
    const sentence = `${url} answered with status ${status} but no error code of MecDB`;
    return clientError('bad-answer', {
      status,
      retriable: status >= 500,
      detail: sentence,
      retryAfterMs,
      mayTakeEffect,
    });
  }
  const details: Record<string, unknown> = { status, detail, have, need };
  return clientError(code, { ...details, retryAfterMs, mayTakeEffect });
}

/**
 * The pause in ms that a node asks for: seconds, as nodes write it, or a date (RFC 9110, 10.2.3).
 */
function retryAfterOf(text: string | null, nowMicros: number): number | undefined {
  if (text === null) return undefined;
  if (/^\d{1,9}$/.test(text)) return 1000 * Number(text);
  const micros = httpDateToMicros(text);
  return micros === undefined ? undefined : Math.max(0, (micros - nowMicros) / 1000);
}
