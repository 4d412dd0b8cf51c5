/**
 * The network on ZeroMQ: a ROUTER per bound address, a DEALER per connection. Whole messages,
 * automatic reconnection.
 *
 * Traps that this file exists to hide: a second `send` while one is pending throws, so sends are
 * chained; buffers over 128 bytes are sent without a copy, so a frame belongs to the network once
 * it is sent; a caller is a one-time identity given by the ROUTER, so a reply to one that has gone
 * is simply dropped.
 *
 * With keys, both ends prove theirs (CURVE), and all is encrypted. Three more traps: without a
 * handler for its questions (`zap.ts`), ZeroMQ serves every key, so the handler is bound before any
 * other socket, and the domain is enforced. ZeroMQ asks only when a connection begins, so a revoked
 * key is kept out by cutting all connections; good nodes are back within a second. And its bound on
 * a message counts before the proof, so frames travel in small parts.
 */
import { Context, Dealer, Reply, Router, type Socket } from 'zeromq';
import { authorityOf } from '../base/address.ts';
import type { Address, Caller, Env, Endpoint, Link, Log, Network } from '../base/env.ts';
import { listenError, messageOf } from '../base/errors.ts';
import { Dialling } from './dialling.ts';
import {
  CUT_INTERVAL_MS,
  HANDSHAKE_MS,
  MAX_FRAME_BYTES,
  MAX_PART_BYTES,
  MAX_STRANGER_BYTES,
  ZEROMQ_CALLER_FRAMES,
  ZEROMQ_LINK_FRAMES,
  ZEROMQ_REPLY_FRAMES,
  ZEROMQ_SOCKETS,
} from './limits.ts';
import type { NodeKeys } from './node-keys.ts';
import { ZAP_DOMAIN, ZAP_URL, zapAnswer } from './zap.ts';

const RECONNECT_MS = 100;
const MAX_RECONNECT_MS = 1_000;
const TCP_HEARTBEAT_MS = 2_000;

const urlOf = (address: Address): string => `tcp://${authorityOf(address)}`;

/**
 * Sends one at a time, in order; never rejects. A frame that cannot be sent is a frame lost, unless
 * its receiver must first read earlier ones: then the result is false.
 */
class Sender<Parts> {
  readonly #send: (parts: Parts) => Promise<void>;
  #last: Promise<boolean> = Promise.resolve(true);

  constructor(send: (parts: Parts) => Promise<void>) {
    this.#send = send;
  }

  send(parts: Parts): Promise<boolean> {
    this.#last = this.#last
      .then(() => this.#send(parts))
      .then(
        () => true,
        (error: unknown) => (error as { readonly code?: unknown }).code !== 'EAGAIN',
      );
    return this.#last;
  }
}

/** Hands every message to `onParts` until the socket closes. */
async function pump(
  socket: AsyncIterable<Buffer[]>,
  log: Log,
  onParts: (parts: Buffer[]) => void,
): Promise<void> {
  try {
    for await (const parts of socket) {
      try {
        onParts(parts);
      } catch (error) {
        // One message that trips our own code must not silence the socket.
        log.error('message not handled', { reason: messageOf(error) });
      }
    }
  } catch (error) {
    log.error('socket failed', { reason: messageOf(error) });
  }
}

/** Cuts a frame into parts. Only frames between nodes with keys have more than one. */
function partsOf(frame: Uint8Array, keys: NodeKeys | undefined): Uint8Array[] {
  if (keys === undefined || frame.length <= MAX_PART_BYTES) return [frame];
  const parts: Uint8Array[] = [];
  for (let at = 0; at < frame.length; at += MAX_PART_BYTES)
    parts.push(frame.subarray(at, at + MAX_PART_BYTES));
  return parts;
}

/** The frame of its parts. Parts that no correct node sends go on as an empty frame: garbage. */
function frameOf(parts: readonly Buffer[], keys: NodeKeys | undefined): Uint8Array {
  const [only] = parts;
  if (parts.length <= 1) return only ?? new Uint8Array();
  const bytes = parts.reduce((sum, { length }) => sum + length, 0);
  return keys === undefined || bytes > MAX_FRAME_BYTES ? new Uint8Array() : Buffer.concat(parts);
}

/** The options of all sockets that exchange frames. */
const common = (context: Context, keys: NodeKeys | undefined) => ({
  context,
  linger: 0,
  // An IPv4 address works as before. A name is looked up in both families.
  ipv6: true,
  maxMessageSize: keys === undefined ? MAX_FRAME_BYTES : MAX_STRANGER_BYTES,
  heartbeatInterval: TCP_HEARTBEAT_MS,
  ...(keys !== undefined && {
    handshakeInterval: HANDSHAKE_MS,
    curvePublicKey: keys.own.publicKey,
    curveSecretKey: keys.own.secretKey,
  }),
});

/** A socket that listens at a URL. Rejects with `StartError` if it cannot. */
async function boundRouter(
  url: string,
  context: Context,
  keys: NodeKeys | undefined,
): Promise<Router> {
  const router = new Router({
    ...common(context, keys),
    sendHighWaterMark: ZEROMQ_REPLY_FRAMES,
    // A frame for a caller that does not read fails at once, instead of being dropped. It waits in
    // the outbox of that caller, which is bounded, and the others get theirs.
    mandatory: true,
    sendTimeout: 0,
    receiveHighWaterMark: ZEROMQ_CALLER_FRAMES,
    ...(keys !== undefined && {
      curveServer: true,
      zapDomain: ZAP_DOMAIN,
      zapEnforceDomain: true,
    }),
  });
  try {
    await router.bind(url);
    return router;
  } catch (error) {
    router.close();
    throw listenError(url, 'port', error);
  }
}

/** A socket that is not connected yet. Throws if there is no socket left. */
const newDealer = (context: Context, keys: NodeKeys | undefined): Dealer =>
  new Dealer({
    ...common(context, keys),
    // Frames for a peer without a connection wait in our own outbox, which is bounded and expires.
    immediate: true,
    sendHighWaterMark: ZEROMQ_LINK_FRAMES,
    reconnectInterval: RECONNECT_MS,
    reconnectMaxInterval: MAX_RECONNECT_MS,
  });

/** The parts of a network. */
export interface ZeromqOptions extends Pick<Env, 'clock' | 'log' | 'random'> {
  /** The keys of the nodes. Without them, nothing is proved, and nothing encrypted. */
  readonly keys?: NodeKeys | undefined;
}

/** The network of one node. */
class ZeromqNetwork implements Network {
  readonly #options: ZeromqOptions;
  /** One of each node, because ZeroMQ asks one handler for all sockets of a context. */
  readonly #context = new Context({ maxSockets: ZEROMQ_SOCKETS });
  readonly #sockets = new Set<Socket>();
  readonly #bound = new Map<Router, string>();
  readonly #diallings = new Set<Dialling>();
  #handler: Promise<void> | undefined;
  #cutMs = -Infinity;
  #isCutDue = false;
  #isClosed = false;

  constructor(options: ZeromqOptions) {
    this.#options = options;
  }

  async bind(
    address: Address,
    onFrame: (from: Caller, frame: Uint8Array) => void,
  ): Promise<Endpoint> {
    const { log, keys } = this.#options;
    await (this.#handler ??= keys && this.#answerQuestions(keys));
    const url = urlOf(address);
    const router = await boundRouter(url, this.#context, keys);
    this.#sockets.add(router);
    this.#bound.set(router, url);
    void pump(router, log, ([handle, ...parts]) => {
      if (handle !== undefined)
        onFrame({ id: handle.toString('latin1'), handle }, frameOf(parts, keys));
    });
    const sender = new Sender((parts: (Buffer | Uint8Array)[]) => router.send(parts));
    return {
      send: (to, frame) => sender.send([to.handle as Buffer, ...partsOf(frame, keys)]),
      close: async () => this.#close(router),
    };
  }

  connect(address: Address, onFrame: (frame: Uint8Array) => void): Link {
    const { log, keys } = this.#options;
    const dealer = newDealer(this.#context, keys);
    let dialling: Dialling | undefined;
    try {
      const url = urlOf(address);
      if (keys === undefined) dealer.connect(url);
      else dialling = this.#dial(dealer, address, keys);
    } catch (error) {
      dealer.close();
      throw error;
    }
    this.#sockets.add(dealer);
    void pump(dealer, log, (parts) => onFrame(frameOf(parts, keys)));
    const sender = new Sender((frame: Uint8Array) => dealer.send(partsOf(frame, keys)));
    return {
      send: async (frame) => void (await sender.send(frame)),
      close: async () => {
        if (dialling !== undefined) this.#diallings.delete(dialling);
        dialling?.close();
        this.#close(dealer);
      },
    };
  }

  /**
   * Must be called after each change of the keys. If some were revoked, it cuts all connections
   * that others have made to this node.
   */
  onKeysChanged(areSomeRevoked: boolean): void {
    for (const dialling of this.#diallings) dialling.check();
    if (!areSomeRevoked || this.#isCutDue) return;
    const { clock } = this.#options;
    this.#isCutDue = true;
    const pauseMs = Math.max(0, this.#cutMs + CUT_INTERVAL_MS - clock.monotonicMs());
    clock.after(pauseMs, () => void this.#cut());
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    for (const dialling of this.#diallings) dialling.close();
    for (const socket of this.#sockets) this.#close(socket);
  }

  #close(socket: Socket): void {
    this.#sockets.delete(socket);
    if (socket instanceof Router) this.#bound.delete(socket);
    socket.close();
  }

  #dial(dealer: Dealer, address: Address, keys: NodeKeys): Dialling {
    const url = urlOf(address);
    const { clock, random } = this.#options;
    const dialling = new Dialling({
      clock,
      random,
      key: () => keys.keyAt(address),
      dial: (key) => {
        dealer.curveServerKey = key;
        dealer.connect(url);
      },
      hangUp: () => dealer.disconnect(url),
    });
    this.#diallings.add(dialling);
    dealer.events.on('handshake', () => dialling.onAccepted());
    dealer.events.on('handshake:error:auth', () => dialling.onRefused());
    return dialling;
  }

  /** Answers the questions of ZeroMQ, until the network is closed. */
  async #answerQuestions(keys: NodeKeys): Promise<void> {
    const handler = new Reply({ context: this.#context, linger: 0 });
    await handler.bind(ZAP_URL);
    this.#sockets.add(handler);
    const isAccepted = (key: string): boolean => {
      const isKnown = keys.isAccepted(key);
      if (!isKnown) this.#options.log.warn('node refused: its key is not accepted', { key });
      return isKnown;
    };
    void pump(handler, this.#options.log, (question) => {
      // It fails only if the socket is closed.
      handler.send(zapAnswer(question, isAccepted)).catch(() => {});
    });
  }

  /** Cuts the connections of all callers. Those whose keys are accepted are back at once. */
  async #cut(): Promise<void> {
    const { clock, log } = this.#options;
    this.#isCutDue = false;
    this.#cutMs = clock.monotonicMs();
    for (const [router, url] of this.#bound) {
      if (this.#isClosed) return;
      try {
        await router.unbind(url);
        await router.bind(url);
      } catch (error) {
        log.error('connections not cut; trying again', { reason: messageOf(error) });
        this.onKeysChanged(true);
      }
    }
  }
}

/** Makes the network of a node. */
export const zeromqNetwork = (options: ZeromqOptions): ZeromqNetwork => new ZeromqNetwork(options);
