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
import {
  attempt,
  type ClientAnswer,
  type ClientRequest,
  isReadCall,
  isRefused,
} from './attempt.ts';
import { CLIENT_BACKOFF, CLIENT_REFUSED_MS } from './limits.ts';
import { clientError, type MecClientError } from './client-error.ts';
import type { NodePool, PoolNode } from './node-pool.ts';
import type { ClientWorld } from './world.ts';

/** The time limits of a request. */
export interface TimeLimits {
  /** In total, with all repetitions, ms. */
  readonly deadlineMs: number;
  /** For each node, ms. */
  readonly attemptMs: number;
  readonly signal?: AbortSignal | undefined;
}

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
  readonly #startMs: number;
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
  /** Whether no attempt has reached a node so far. */
  #areAllRefused = true;
  /** Whether a write was sent whose outcome is unknown. */
  #isUnknown = false;

  constructor(world: ClientWorld, pool: NodePool, job: Job) {
    this.#world = world;
    this.#pool = pool;
    this.#job = job;
    this.#isRead = isReadCall(job.call);
    this.#startMs = world.clock.monotonicMs();
    this.#untilMs = this.#startMs + job.timeLimits.deadlineMs;
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
    this.#areAllRefused &&= isRefused(error);
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
    const isTooLong = nowMs + pauseMs - this.#startMs > CLIENT_REFUSED_MS;
    if (this.#areAllRefused && isTooLong) return this.#giveUpRefused();
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

  #giveUpRefused(): void {
    const urls = this.#pool.nodes.map(({ url }) => url).join(', ');
    const detail = `No node listens at ${urls}`;
    const error = clientError('unreachable', { detail, cause: this.#lastError });
    this.#end(() => this.#job.reject(error));
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
