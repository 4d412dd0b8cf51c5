/**
 * Requests and replies over frames. A request has an id and a deadline and ends exactly once: with
 * a reply, or with an error. If the connection is closed, that happens in the same turn. This is
 * the hottest path of a node, so it uses a table of callbacks instead of promises.
 *
 * A peer cannot block another peer here, or take memory without bound, or crash the node with its
 * messages.
 */
import type { Address, Caller, Clock, Endpoint, Env, Link, Timer } from '../base/env.ts';
import { callAll } from '../base/call-all.ts';
import { MecError, nothingWritten } from '../base/errors.ts';
import { TimeHistogram } from '../base/recorder.ts';
import { CALLER_SILENT_MS, MAX_CALLERS, RPC_SWEEP_MS } from './limits.ts';
import { MAX_TIMEOUT_MS } from '../core/limits.ts';
import type { Floor } from '../core/causality/floor.ts';
import { isRequest, type PackedMessage, packMessage } from './codec.ts';
import { noFloor } from './field.ts';
import { type FrameOptions, isSendable, MAX_ID } from './frame.ts';
import { FrameReader } from './frame-reader.ts';
import type { FailedReply, Reply, Request, UnknownFloorReply } from './message.ts';
import { Outbox, SharedBytes } from './outbox.ts';
import { PROTOCOL } from './protocol.ts';

/** Called once, with the reply or with an error. */
export type OnReply = (reply: Reply | MecError) => void;

/** Answers a request at a node. */
export type Handler = (request: Request, answer: (reply: Reply) => void) => void;

type ReplyCall = readonly [OnReply, Reply | MecError];

const answerAll = (answers: readonly ReplyCall[]): void =>
  callAll(answers, ([onReply, reply]) => onReply(reply));

function unreachable(): MecError {
  const details = nothingWritten('The connection to the peer is closed.');
  return new MecError('unreachable', { ...details, retryAfter: 1 });
}

const late = (): MecError => new MecError('timeout', { detail: 'A peer did not answer in time' });

/** The reply if the real one does not fit in a frame. */
const TOO_LARGE: FailedReply = {
  kind: 'failed',
  code: 'too-many-siblings',
  detail: '',
  have: 0,
  need: 0,
};

/** The reply if the request could not be read, because of a floor that is unknown here. */
const UNKNOWN_FLOOR: UnknownFloorReply = { kind: 'unknown-floor' };

interface Pending {
  readonly onReply: OnReply;
  readonly sentMs: number;
  readonly deadlineMs: number;
  /** The message of a read. It may be sent again, because a second answer changes nothing. */
  readonly again: PackedMessage | undefined;
}

/** The connection from this node to one peer. */
export class RpcClient {
  /** The times from a request to its reply. */
  readonly durations = new TimeHistogram();
  readonly #clock: Clock;
  readonly #link: Link;
  readonly #outbox: Outbox;
  readonly #reader: FrameReader;
  readonly #pending = new Map<number, Pending>();
  #version: number;
  #tag = 0;
  #nextId = 1;
  #sweep: Timer | undefined;
  #late = 0;
  #refused = 0;
  #isClosed = false;

  /** Speaks the oldest version of the protocol until `speak` names another. */
  constructor(env: Env, address: Address, options: FrameOptions = {}) {
    const { protocol = PROTOCOL } = options;
    this.#clock = env.clock;
    this.#version = protocol.oldest;
    this.#reader = new FrameReader(env.log, `${address.host}:${address.port}`, options);
    this.#link = env.network.connect(address, (frame) => this.#receive(frame));
    this.#outbox = new Outbox({
      clock: env.clock,
      send: async (frame) => {
        await this.#link.send(frame);
        return true;
      },
      head: () => ({ version: this.#version, tag: this.#tag }),
    });
  }

  /** Speaks this version of the protocol from now on. */
  setProtocolVersion(version: number): void {
    this.#version = version;
  }

  /** Tags all frames from now on, for nodes of one cluster; 0 is no tag. */
  setTag(tag: number): void {
    this.#tag = tag;
  }

  /** Counters for `/status`. */
  status(): Record<string, number> {
    return {
      pending: this.#pending.size,
      queued: this.#outbox.length,
      queuedBytes: this.#outbox.bytes,
      late: this.#late,
      refused: this.#refused,
      garbage: this.#reader.garbage,
      version: this.#version,
    };
  }

  /**
   * Sends a request. Calls `onReply` exactly once, at the latest soon after `timeoutMs`. The error
   * is `unreachable` if the connection was closed before the request left this node.
   */
  request(request: Request, timeoutMs: number, onReply: OnReply): void {
    const message = packMessage(request);
    this.#send(message, timeoutMs, {
      onReply,
      again: request.kind === 'read' ? message : undefined,
    });
  }

  /** Sends a request that was packed once for several peers. */
  requestPacked(message: PackedMessage, timeoutMs: number, onReply: OnReply): void {
    this.#send(message, timeoutMs, { onReply, again: undefined });
  }

  /**
   * Sends the reads without an answer again, because another process answers for the peer, and the
   * former one has lost its requests.
   */
  resend(): void {
    for (const [id, { again, deadlineMs }] of this.#pending)
      if (again !== undefined) this.#outbox.push({ id, message: again }, deadlineMs);
  }

  #send(
    message: PackedMessage,
    timeoutMs: number,
    { onReply, again }: Pick<Pending, 'onReply' | 'again'>,
  ): void {
    if (this.#isClosed) return onReply(unreachable());
    if (!isSendable(message)) return onReply(new MecError('too-many-siblings'));
    const id = this.#nextId;
    this.#nextId = id === MAX_ID ? 1 : id + 1;
    const sentMs = this.#clock.monotonicMs();
    const deadlineMs = sentMs + timeoutMs;
    if (!this.#outbox.push({ id, message }, deadlineMs)) {
      this.#refused += 1;
      onReply(new MecError('overloaded', { detail: 'The queue to a peer is full', retryAfter: 1 }));
      return;
    }
    this.#pending.set(id, { onReply, sentMs, deadlineMs, again });
    this.#sweep ??= this.#clock.after(RPC_SWEEP_MS, () => this.#expire());
  }

  /** Closes the connection. All requests without an answer get an error before this returns. */
  async close(): Promise<void> {
    this.#isClosed = true;
    this.#sweep?.cancel();
    const unsent = new Set(this.#outbox.close());
    // The peer may have carried out a request that was sent, but not one that has never left this
    // node.
    const detail = 'This node closed the connection before the peer had answered';
    const sent = new MecError('timeout', { detail });
    try {
      answerAll(this.#giveUp((id) => (unsent.has(id) ? unreachable() : sent)));
    } finally {
      await this.#link.close();
    }
  }

  #receive(bytes: Uint8Array): void {
    const frame = this.#reader.read(bytes);
    if (frame === undefined) return;
    const nowMs = this.#clock.monotonicMs();
    const answers: ReplyCall[] = [];
    for (const { id, message } of frame.items) this.#take(id, message as Reply, { answers, nowMs });
    for (const id of frame.unknown) this.#take(id, UNKNOWN_FLOOR, { answers, nowMs });
    answerAll(answers);
  }

  #take(
    id: number,
    reply: Reply,
    { answers, nowMs }: { readonly answers: ReplyCall[]; readonly nowMs: number },
  ): void {
    const pending = this.#pending.get(id);
    if (pending === undefined) this.#late += 1;
    else {
      this.durations.observe(nowMs - pending.sentMs);
      answers.push([pending.onReply, reply]);
    }
    this.#pending.delete(id);
  }

  #expire(): void {
    const nowMs = this.#clock.monotonicMs();
    const answers = this.#giveUp((_, { deadlineMs }) => (deadlineMs <= nowMs ? late() : undefined));
    this.#sweep =
      this.#pending.size > 0 ? this.#clock.after(RPC_SWEEP_MS, () => this.#expire()) : undefined;
    answerAll(answers);
  }

  /** Ends the requests for which `errorOf` returns an error. */
  #giveUp(errorOf: (id: number, pending: Pending) => MecError | undefined): ReplyCall[] {
    const answers: ReplyCall[] = [];
    for (const [id, pending] of this.#pending) {
      const error = errorOf(id, pending);
      if (error === undefined) continue;
      this.#pending.delete(id);
      answers.push([pending.onReply, error]);
    }
    return answers;
  }
}

interface Counterpart {
  /** The protocol version of its last request, in which it is answered. */
  version: number;
  /** The time of its last frame, on the monotonic clock. */
  heardMs: number;
  readonly outbox: Outbox;
  readonly reader: FrameReader;
}

/** The options of a server. */
export interface ServerOptions extends FrameOptions {
  readonly handler: Handler;
  /** Whether a frame with this tag is for this node. Without a tag, it is. */
  readonly isOwnTag?: ((tag: number) => boolean) | undefined;
}

/** A bound socket, and the answers that it sends. */
export class RpcServer {
  readonly #env: Env;
  readonly #handler: Handler;
  readonly #options: FrameOptions;
  readonly #isOwnTag: (tag: number) => boolean;
  readonly #callers = new Map<string, Counterpart>();
  #endpoint: Endpoint | undefined;
  /** The bytes of replies that wait for all callers. */
  readonly #shared = new SharedBytes();
  #dropped = 0;
  #goneGarbage = 0;

  private constructor(env: Env, { handler, isOwnTag, ...options }: ServerOptions) {
    this.#env = env;
    this.#isOwnTag = isOwnTag ?? (() => true);
    this.#handler = handler;
    this.#options = options;
  }

  /** Binds the address. Rejects if that is not possible. */
  static async bind(env: Env, address: Address, options: ServerOptions): Promise<RpcServer> {
    const server = new RpcServer(env, options);
    server.#endpoint = await env.network.bind(address, (from, frame) =>
      server.#receive(from, frame),
    );
    return server;
  }

  /** Counters for `/status`. */
  status(): Record<string, number> {
    let garbage = this.#goneGarbage;
    let queued = 0;
    for (const { reader, outbox } of this.#callers.values()) {
      garbage += reader.garbage;
      queued += outbox.length;
    }
    const queuedBytes = this.#shared.used;
    return { callers: this.#callers.size, queued, queuedBytes, dropped: this.#dropped, garbage };
  }

  async close(): Promise<void> {
    await this.#endpoint?.close();
  }

  #receive(from: Caller, bytes: Uint8Array): void {
    const caller = this.#callerOf(from);
    const frame = caller.reader.read(bytes);
    if (frame === undefined) return;
    if (frame.tag !== 0 && !this.#isOwnTag(frame.tag))
      return caller.reader.report(frame.items.length, 'requests for another cluster');
    caller.version = frame.version;
    for (const { id, message } of frame.items) {
      // The reply would be dropped. To make it only for that would take the time of other callers.
      if (caller.outbox.isFull) this.#dropped += 1;
      else if (isRequest(message))
        this.#handler(message, (reply) => this.#answer(caller, id, { reply, to: message }));
      else caller.reader.report(1, 'a reply instead of a request');
    }
    for (const id of frame.unknown)
      this.#answer(caller, id, { reply: UNKNOWN_FLOOR, to: undefined });
  }

  #answer(
    caller: Counterpart,
    id: number,
    { reply, to }: { reply: Reply; to: Request | undefined },
  ): void {
    // To pack a reply only to drop it would take the time of other callers.
    if (caller.outbox.isFull) {
      this.#dropped += 1;
      return;
    }
    let message = packMessage(reply, { floors: this.#floorsOf(to) });
    if (!isSendable(message)) message = packMessage(TOO_LARGE);
    // No caller waits longer than that.
    const deadlineMs = this.#env.clock.monotonicMs() + MAX_TIMEOUT_MS;
    if (!caller.outbox.push({ id, message }, deadlineMs)) this.#dropped += 1;
  }

  /** The floors that both the asker and this node know. */
  #floorsOf(request: Request | undefined): readonly Floor[] {
    if (request === undefined || !('floors' in request) || request.kind === 'compare') return [];
    const { findFloor = noFloor } = this.#options;
    return request.floors?.flatMap((name) => findFloor(name) ?? []) ?? [];
  }

  #callerOf(from: Caller): Counterpart {
    const nowMs = this.#env.clock.monotonicMs();
    const known = this.#callers.get(from.id);
    if (known !== undefined) {
      known.heardMs = nowMs;
      return known;
    }
    const caller: Counterpart = {
      heardMs: nowMs,
      version: PROTOCOL.oldest,
      outbox: new Outbox({
        clock: this.#env.clock,
        send: async (frame) => (await this.#endpoint?.send(from, frame)) ?? true,
        head: () => ({ version: caller.version }),
        shared: this.#shared,
      }),
      reader: new FrameReader(this.#env.log, 'a caller', this.#options),
    };
    this.#makeRoom(nowMs);
    this.#callers.set(from.id, caller);
    return caller;
  }

  /**
   * Forgets connections that have probably ended. Each start of a peer opens new ones, and a caller
   * that sends again is added again.
   */
  #makeRoom(nowMs: number): void {
    let longest: [string, Counterpart] | undefined;
    for (const entry of this.#callers) {
      const [id, caller] = entry;
      if (nowMs - caller.heardMs > CALLER_SILENT_MS && caller.outbox.length === 0)
        this.#forget(id, caller);
      else if (longest === undefined || caller.heardMs < longest[1].heardMs) longest = entry;
    }
    if (longest !== undefined && this.#callers.size >= MAX_CALLERS) this.#forget(...longest);
  }

  #forget(id: string, { reader }: Counterpart): void {
    this.#goneGarbage += reader.garbage;
    this.#callers.delete(id);
  }
}
