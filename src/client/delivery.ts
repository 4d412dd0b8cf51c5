/**
 * Sends one request to the cluster until a node answers. If a node fails, the next one is tried. A
 * late read also goes to a second node. After each round of all nodes there is a longer, random
 * pause. One deadline holds for everything.
 *
 * A write is repeated with the same bytes, token and name. So if an attempt took effect but its
 * answer was lost, the repetition only writes the same state again.
 */
import { backoff } from '../base/delays.ts';
import {
  attempt,
  type ClientAnswer,
  type ClientRequest,
  isReadCall,
  isRefused,
  textsOf,
} from './attempt.ts';
import { CLIENT_BACKOFF, CLIENT_REFUSED_MS } from './limits.ts';
import { badParameter, clientError, type MecClientError } from './client-error.ts';
import type { NodePool, PoolNode } from './node-pool.ts';
import { type WaitLimits, waitUntil } from './pause.ts';
import type { ClientWorld } from './world.ts';

/** The time limits of a request with all its repetitions. */
export interface TimeLimits extends WaitLimits {
  /** For each node, ms. */
  readonly attemptMs: number;
}

/** The syntax of a header. If it were broken, `fetch` would fail as if no node could be reached. */
const HEADER = /^[\w!#$%&'*+.^`|~-]+:[\t\x20-\x7e\x80-\xff]*$/;

/** The order in which errors tell the caller more about the cause. */
const rank = (error: MecClientError | undefined): number =>
  error === undefined ? 0 : error.need !== undefined ? 3 : error.code === 'deadline' ? 1 : 2;

/**
 * Sends a request until a node answers. Rejects with a `MecClientError`, or with the signal's
 * reason.
 */
export async function deliver(
  world: ClientWorld,
  pool: NodePool,
  call: ClientRequest,
  limits: TimeLimits,
): Promise<ClientAnswer> {
  for (const [name, value] of textsOf(call.headers)) {
    if (!HEADER.test(`${name}:${value}`))
      throw badParameter(
        `The header ${JSON.stringify(name)} is not one of HTTP: a value must be one line of Latin-1`,
      );
  }
  return new Delivery({ world, pool, call, limits }).run();
}

interface Job {
  readonly world: ClientWorld;
  readonly pool: NodePool;
  readonly call: ClientRequest;
  readonly limits: TimeLimits;
}

class Delivery {
  readonly #job: Job;
  readonly #isRead: boolean;
  readonly #startMs: number;
  /** Ends all attempts when the call is over. */
  readonly #over = new AbortController();
  /** The nodes that were asked in this round. */
  readonly #askedNodes = new Set<PoolNode>();
  /** The time until which each node has asked for a pause. */
  readonly #untilMsByNode = new Map<PoolNode, number>();
  /** The error that tells the caller most. */
  #error: MecClientError | undefined;
  /** Whether no attempt has reached a node so far. */
  #areAllRefused = true;
  /** Whether a write was sent whose outcome is unknown. */
  #isUnknown = false;

  constructor(job: Job) {
    this.#job = job;
    this.#isRead = isReadCall(job.call);
    this.#startMs = this.#nowMs;
  }

  get #nowMs(): number {
    return this.#job.world.clock.monotonicMs();
  }

  async run(): Promise<ClientAnswer> {
    const { pool, limits } = this.#job;
    const stop = (): void => this.#over.abort();
    limits.signal?.addEventListener('abort', stop);
    if (this.#isRead) pool.noteRead();
    try {
      for (let round = 0; ;) {
        limits.signal?.throwIfAborted();
        // A timer may end an attempt a little before its time.
        if (limits.untilMs - this.#nowMs < 1) throw this.#failure();
        const node = pool.pick(this.#askedNodes);
        if (node === undefined) await this.#nextRound(round++);
        else {
          const answer = await this.#ask(node).catch(() => undefined);
          if (answer !== undefined) return answer;
          if (this.#error !== undefined && !this.#error.retriable) throw this.#failure();
        }
      }
    } finally {
      limits.signal?.removeEventListener('abort', stop);
      stop();
    }
  }

  /** Asks a node, and a second one if it is late to answer a read. Rejects if both have failed. */
  async #ask(node: PoolNode): Promise<ClientAnswer> {
    const { world, pool } = this.#job;
    const first = this.#attempt(node);
    if (!this.#isRead || this.#askedNodes.size === pool.nodes.length) return first;
    const sentMs = this.#nowMs;
    const isInTime = await waitUntil(world.clock, { untilMs: sentMs + pool.hedgeMs }, (report) => {
      first.then(report, report);
    });
    const other = isInTime || !pool.mayHedge() ? undefined : pool.pick(this.#askedNodes);
    if (other === undefined) return first;
    let isPending = true;
    const settle = (): boolean => (isPending = false);
    first.then(settle, settle);
    const second = this.#attempt(other).then((answer) => {
      // The node that was asked earlier is slow, or hangs.
      if (isPending) pool.noteFailure(node, this.#nowMs - sentMs);
      return answer;
    });
    return Promise.any([first, second]);
  }

  async #attempt(node: PoolNode): Promise<ClientAnswer> {
    const { world, pool, call, limits } = this.#job;
    this.#askedNodes.add(node);
    const sentMs = this.#nowMs;
    const attemptMs = Math.min(limits.attemptMs, limits.untilMs - sentMs);
    const controller = new AbortController();
    const stop = (): void => controller.abort();
    const over = this.#over.signal;
    over.addEventListener('abort', stop);
    const timer = world.clock.after(attemptMs, stop);
    try {
      const answer = await attempt(world, node.url, { call, attemptMs, signal: controller.signal });
      pool.noteAnswer(node, this.#nowMs - sentMs);
      return answer;
    } catch (error) {
      if (!over.aborted) this.#noteFailure(node, error as MecClientError, sentMs);
      throw error;
    } finally {
      timer.cancel();
      over.removeEventListener('abort', stop);
    }
  }

  #noteFailure(node: PoolNode, error: MecClientError, sentMs: number): void {
    this.#isUnknown ||= error.mayTakeEffect;
    this.#areAllRefused &&= isRefused(error);
    // A count of replicas tells the caller more than an unreachable node, and each more than a lack
    // of time.
    if (!error.retriable || rank(error) >= rank(this.#error)) this.#error = error;
    if (!error.retriable) return;
    this.#job.pool.noteFailure(node, this.#nowMs - sentMs);
    if (error.retryAfterMs !== undefined)
      this.#untilMsByNode.set(node, this.#nowMs + error.retryAfterMs);
  }

  /**
   * All nodes were asked: after a pause, those that have not requested a longer pause may be asked
   * again. Rejects if there is no time for that.
   */
  async #nextRound(round: number): Promise<void> {
    const { world, pool, limits } = this.#job;
    const pauses = pool.nodes.map((node) => this.#untilMsByNode.get(node) ?? 0);
    const fromMs = Math.max(this.#nowMs, Math.min(...pauses));
    const untilMs = fromMs + backoff(world.random, round, CLIENT_BACKOFF);
    if (this.#areAllRefused && untilMs - this.#startMs > CLIENT_REFUSED_MS)
      throw clientError('unreachable', {
        detail: `No node listens at ${pool.nodes.map(({ url }) => url).join(', ')}`,
        cause: this.#error,
      });
    if (untilMs > limits.untilMs) throw this.#failure();
    await waitUntil(world.clock, { ...limits, untilMs });
    this.#askedNodes.clear();
    for (const [node, closedMs] of this.#untilMsByNode)
      if (closedMs > this.#nowMs) this.#askedNodes.add(node);
  }

  #failure(): MecClientError {
    const error =
      this.#error ?? clientError('deadline', { detail: 'No node answered before the deadline' });
    // The node speaks of its own attempt only.
    if (this.#isUnknown && !error.mayTakeEffect)
      error.message = `The last of several attempts failed: ${error.message}`;
    error.mayTakeEffect = this.#isUnknown;
    return error;
  }
}
