/**
 * The network on ZeroMQ: a ROUTER per bound address, a DEALER per connection. Whole messages,
 * automatic reconnection.
 *
 * Traps that this file exists to hide: a second `send` while one is pending throws, so sends are
 * chained; buffers over 128 bytes are sent without a copy, so a frame belongs to the network once
 * it is sent; a caller is a one-time identity given by the ROUTER, so a reply to one that has gone
 * is simply dropped.
 */
import { context, Dealer, Router, type Socket } from 'zeromq';
import { authorityOf } from '../base/address.ts';
import type { Address, Caller, Endpoint, Link, Log, Network } from '../base/env.ts';
import { listenError, messageOf } from '../base/errors.ts';
import {
  MAX_FRAME_BYTES,
  ZEROMQ_CALLER_FRAMES,
  ZEROMQ_LINK_FRAMES,
  ZEROMQ_REPLY_FRAMES,
  ZEROMQ_SOCKETS,
} from './limits.ts';

const RECONNECT_MS = 100;
const MAX_RECONNECT_MS = 1_000;
const TCP_HEARTBEAT_MS = 2_000;

context.maxSockets = ZEROMQ_SOCKETS;

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

/** A socket that listens at a URL. Rejects with `StartError` if it cannot. */
async function boundRouter(url: string): Promise<Router> {
  const router = new Router({
    linger: 0,
    ipv6: true,
    maxMessageSize: MAX_FRAME_BYTES,
    sendHighWaterMark: ZEROMQ_REPLY_FRAMES,
    // A frame for a caller that does not read fails at once, instead of being dropped. It waits in
    // the outbox of that caller, which is bounded, and the others get theirs.
    mandatory: true,
    sendTimeout: 0,
    receiveHighWaterMark: ZEROMQ_CALLER_FRAMES,
    heartbeatInterval: TCP_HEARTBEAT_MS,
  });
  try {
    await router.bind(url);
    return router;
  } catch (error) {
    router.close();
    throw listenError(url, 'port', error);
  }
}

/** A socket that connects to a URL. Throws if the URL is none, or if there is no socket left. */
function connectedDealer(url: string): Dealer {
  const dealer = new Dealer({
    linger: 0,
    // An IPv4 address works as before. A name is looked up in both families.
    ipv6: true,
    // Frames for a peer without a connection wait in our own outbox, which is bounded and expires.
    immediate: true,
    maxMessageSize: MAX_FRAME_BYTES,
    sendHighWaterMark: ZEROMQ_LINK_FRAMES,
    reconnectInterval: RECONNECT_MS,
    reconnectMaxInterval: MAX_RECONNECT_MS,
    heartbeatInterval: TCP_HEARTBEAT_MS,
  });
  try {
    dealer.connect(url);
    return dealer;
  } catch (error) {
    dealer.close();
    throw error;
  }
}

/** Makes the network of a node. */
export function zeromqNetwork(log: Log): Network {
  const sockets = new Set<Socket>();
  const close = async (socket: Socket): Promise<void> => {
    sockets.delete(socket);
    socket.close();
  };

  const bind = async (
    address: Address,
    onFrame: (from: Caller, frame: Uint8Array) => void,
  ): Promise<Endpoint> => {
    const router = await boundRouter(urlOf(address));
    sockets.add(router);
    void pump(router, log, ([handle, frame, ...rest]) => {
      // A well-behaved DEALER sends one part; anything else goes on as an empty frame, to be
      // counted as garbage.
      if (handle !== undefined)
        onFrame(
          { id: handle.toString('latin1'), handle },
          rest.length === 0 && frame ? frame : new Uint8Array(),
        );
    });
    const sender = new Sender((parts: [Buffer, Uint8Array]) => router.send(parts));
    return {
      send: (to, frame) => sender.send([to.handle as Buffer, frame]),
      close: () => close(router),
    };
  };

  const connect = (address: Address, onFrame: (frame: Uint8Array) => void): Link => {
    const dealer = connectedDealer(urlOf(address));
    sockets.add(dealer);
    void pump(dealer, log, ([frame]) => onFrame(frame ?? new Uint8Array()));
    const sender = new Sender((frame: Uint8Array) => dealer.send(frame));
    return { send: async (frame) => void (await sender.send(frame)), close: () => close(dealer) };
  };

  return {
    bind,
    connect,
    close: async () => {
      for (const socket of sockets) await close(socket);
    },
  };
}
