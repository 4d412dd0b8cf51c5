/**
 * Sockets of ZeroMQ: a ROUTER per bound address, a DEALER per connection. Whole messages,
 * automatic reconnection. `zeromq-network.ts` makes a network of them.
 *
 * Traps that this file exists to hide: a second `send` while one is pending throws, so sends are
 * chained; buffers over 128 bytes are sent without a copy, so a frame belongs to the network once
 * it is sent; a caller is a one-time identity given by the ROUTER, so a reply to one that has gone
 * is simply dropped.
 *
 * With keys, both ends prove theirs (CURVE), and all is encrypted. Three more traps: without a
 * handler for its questions (`zap.ts`), ZeroMQ serves every key, so the handler is bound before any
 * other socket, and the domain is enforced. ZeroMQ asks only when a connection begins, so a revoked
 * key is kept out by cutting all connections; good nodes are back within a second. A socket is cut
 * by replacing it: to unbind or disconnect one can end the process (an assertion of libzmq 4.3.5).
 * And the bound on a message counts before the proof, so frames travel in small parts.
 */
import { Context, Dealer, Reply, Router } from 'zeromq';
import { authorityOf } from '../base/address.ts';
import type { Address, Caller, Endpoint, Env, Link, Log } from '../base/env.ts';
import { listenError, messageOf } from '../base/errors.ts';
import { Dialling } from './dialling.ts';
import {
  HANDSHAKE_MS,
  MAX_FRAME_BYTES,
  MAX_PART_BYTES,
  MAX_STRANGER_BYTES,
  REBIND_MS,
  ZEROMQ_CALLER_FRAMES,
  ZEROMQ_LINK_FRAMES,
  ZEROMQ_REPLY_FRAMES,
  ZEROMQ_SOCKETS,
} from './limits.ts';
import { NO_KEY, type NodeKeys } from './node-keys.ts';
import { toZ85 } from './z85.ts';
import { ZAP_DOMAIN, ZAP_URL, zapAnswer } from './zap.ts';

const RECONNECT_MS = 100;
const MAX_RECONNECT_MS = 1_000;
const TCP_HEARTBEAT_MS = 2_000;

/** The URL of an address. */
export const urlOf = (address: Address): string => `tcp://${authorityOf(address)}`;

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

const z85Of = (key: string): string => toZ85(Buffer.from(key, 'hex'));

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
    curvePublicKey: z85Of(keys.own.publicKey),
    curveSecretKey: z85Of(keys.own.secretKey.reveal()),
  }),
});

/** The parts of a network. */
export interface ZeromqOptions extends Pick<Env, 'clock' | 'log' | 'random'> {
  /** The keys of the nodes. Without them, nothing is proved, and nothing encrypted. */
  readonly keys?: NodeKeys | undefined;
}

/** The parts that the sockets of a network share. */
export interface NetworkParts extends ZeromqOptions {
  /** One of each node, because ZeroMQ asks one handler for all sockets of a context. */
  readonly context: Context;
}

/** A socket that listens, and is replaced to cut its connections. */
export class RouterEndpoint implements Endpoint {
  readonly #url: string;
  readonly #network: NetworkParts;
  readonly #onFrame: (from: Caller, frame: Uint8Array) => void;
  readonly #sender = new Sender((parts: (Buffer | Uint8Array)[]) => this.#send(parts));
  #router: Router | undefined;
  /** One cut at a time: each of them must listen with the key of its own moment. */
  #cuts: Promise<void> = Promise.resolve();
  #isClosed = false;

  private constructor(
    network: NetworkParts,
    url: string,
    onFrame: (from: Caller, frame: Uint8Array) => void,
  ) {
    this.#network = network;
    this.#url = url;
    this.#onFrame = onFrame;
  }

  /** Listens at a URL. Rejects with `StartError` if that is not possible. */
  static async bind(
    network: NetworkParts,
    url: string,
    onFrame: (from: Caller, frame: Uint8Array) => void,
  ): Promise<RouterEndpoint> {
    const endpoint = new RouterEndpoint(network, url, onFrame);
    try {
      await endpoint.#listen();
    } catch (error) {
      throw listenError(url, 'port', error);
    }
    return endpoint;
  }

  async #listen(): Promise<void> {
    const { context, keys, log } = this.#network;
    const router = new Router({
      ...common(context, keys),
      sendHighWaterMark: ZEROMQ_REPLY_FRAMES,
      // A frame for a caller that does not read fails at once, instead of being dropped. It waits
      // in the outbox of that caller, which is bounded, and the others get theirs.
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
      await router.bind(this.#url);
    } catch (error) {
      router.close();
      throw error;
    }
    if (this.#isClosed) return router.close();
    this.#router = router;
    void pump(router, log, ([handle, ...parts]) => {
      if (handle !== undefined)
        this.#onFrame({ id: handle.toString('latin1'), handle }, frameOf(parts, keys));
    });
  }

  send(to: Caller, frame: Uint8Array): Promise<boolean> {
    return this.#sender.send([to.handle as Buffer, ...partsOf(frame, this.#network.keys)]);
  }

  async #send(parts: (Buffer | Uint8Array)[]): Promise<void> {
    await this.#router?.send(parts);
  }

  /** The port at which it listens now; undefined while it is cut. */
  get port(): number | undefined {
    const url = this.#router?.lastEndpoint;
    return url == null ? undefined : Number(url.slice(url.lastIndexOf(':') + 1));
  }

  /** Cuts all connections, and listens again, with the own key of now. Never rejects. */
  cut(): Promise<void> {
    return (this.#cuts = this.#cuts.then(() => this.#cutNow()));
  }

  async #cutNow(): Promise<void> {
    const { clock, log } = this.#network;
    this.#router?.close();
    this.#router = undefined;
    while (!this.#isClosed && this.#router === undefined) {
      try {
        await this.#listen();
      } catch (error) {
        // The system may free the port a moment later.
        log.debug('port not free yet', { reason: messageOf(error) });
        await new Promise<void>((resolve) => clock.after(REBIND_MS, resolve));
      }
    }
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    this.#router?.close();
    this.#router = undefined;
  }
}

/** A socket that connects to one address, and is replaced to dial with another key. */
export class DealerLink implements Link {
  readonly #network: NetworkParts;
  readonly #url: string;
  readonly #onFrame: (frame: Uint8Array) => void;
  readonly #dialling: Dialling | undefined;
  readonly #sender = new Sender((frame: Uint8Array) => this.#send(frame));
  #dealer: Dealer | undefined;
  /** The keys that the present socket uses. */
  #keys: NodeKeys | undefined;
  /** Frames wait here while there is no connection. Called when there is one, or never will be. */
  #onDialled: (() => void) | undefined;
  #isClosed = false;

  /** Throws if the address has no URL, or if there is no socket left. */
  constructor(network: NetworkParts, address: Address, onFrame: (frame: Uint8Array) => void) {
    const { clock, random, keys } = network;
    this.#network = network;
    this.#url = urlOf(address);
    this.#onFrame = onFrame;
    if (keys === undefined) this.#dial(undefined);
    else
      this.#dialling = new Dialling({
        clock,
        random,
        keys: () => keys.keysAt(address),
        dial: (key) => this.#dial(key),
        hangUp: () => this.#hangUp(),
      });
  }

  #dial(key: string | undefined): void {
    const { context, log } = this.#network;
    const keys = key === undefined || key === NO_KEY ? undefined : this.#network.keys;
    const dealer = new Dealer({
      ...common(context, keys),
      // Frames for a peer without a connection wait in our own outbox, which has a bound and
      // expires.
      immediate: true,
      sendHighWaterMark: ZEROMQ_LINK_FRAMES,
      reconnectInterval: RECONNECT_MS,
      reconnectMaxInterval: MAX_RECONNECT_MS,
      ...(keys !== undefined && { curveServerKey: z85Of(key as string) }),
    });
    try {
      if (this.#network.keys !== undefined) this.#watch(dealer);
      dealer.connect(this.#url);
    } catch (error) {
      dealer.close();
      throw error;
    }
    this.#dealer = dealer;
    this.#keys = keys;
    void pump(dealer, log, (parts) => this.#onFrame(frameOf(parts, keys)));
    this.#onDialled?.();
  }

  #watch(dealer: Dealer): void {
    const whenCurrent = (act: (dialling: Dialling) => void) => (): void => {
      if (dealer === this.#dealer && this.#dialling !== undefined) act(this.#dialling);
    };
    const { events } = dealer;
    events.on(
      'handshake',
      whenCurrent((dialling) => dialling.onAccepted()),
    );
    events.on(
      'disconnect',
      whenCurrent((dialling) => dialling.onLost()),
    );
    events.on(
      'handshake:error:auth',
      whenCurrent((dialling) => dialling.onRefused()),
    );
  }

  #hangUp(): void {
    this.#dealer?.close();
    this.#dealer = undefined;
  }

  /** Dials again if the other node has another key now. */
  check(): void {
    this.#dialling?.check();
  }

  /** Dials again, with the own key of now. */
  redial(): void {
    this.#dialling?.redial();
  }

  async send(frame: Uint8Array): Promise<void> {
    await this.#sender.send(frame);
  }

  async #send(frame: Uint8Array): Promise<void> {
    if (this.#dealer === undefined && !this.#isClosed)
      await new Promise<void>((resolve) => (this.#onDialled = resolve));
    await this.#dealer?.send(partsOf(frame, this.#keys));
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    this.#dialling?.close();
    this.#hangUp();
    this.#onDialled?.();
  }
}

/** Makes the context of a network. */
export const makeContext = (): Context => new Context({ maxSockets: ZEROMQ_SOCKETS });

/** Answers the questions of ZeroMQ about keys, until the socket is closed. */
export async function answerQuestions(
  { context, log }: Pick<NetworkParts, 'context' | 'log'>,
  keys: NodeKeys,
): Promise<Reply> {
  const handler = new Reply({ context, linger: 0 });
  await handler.bind(ZAP_URL);
  const isAccepted = (key: string): boolean => {
    const isKnown = keys.isAccepted(key);
    if (!isKnown) log.warn('node refused: its key is not accepted', { key });
    return isKnown;
  };
  void pump(handler, log, (question) => {
    // It fails only if the socket is closed.
    handler.send(zapAnswer(question, isAccepted)).catch(() => {});
  });
  return handler;
}
