/**
 * A port that serves nodes with keys and nodes without, while a cluster gets its keys. A socket of
 * ZeroMQ takes either the ones or the others. So there are two of them, each on a port of this
 * machine. A connection from outside names its mechanism in its greeting (ZMTP 3.1, RFC 37), and is
 * joined to one of the two by that.
 */
import { connect, createServer, type Server, type Socket } from 'node:net';
import type { Address, Caller, Clock, Endpoint } from '../base/env.ts';
import { listenError } from '../base/errors.ts';
import { HANDSHAKE_MS, MAX_BOTH_SOCKETS } from './limits.ts';
import { type NetworkParts, RouterEndpoint, urlOf } from './zeromq.ts';

/** The first bytes of every greeting: a signature, and the major version. */
const START = Buffer.from('ff00000000000000017f03', 'hex');
/** The place of the mechanism in a greeting: a name, filled up with zeros. */
const MECHANISM_AT = 12;
const MECHANISM_END = 32;

const LOOPBACK = '127.0.0.1';
const ANY_PORT = `tcp://${LOOPBACK}:*`;

interface BothHandle {
  readonly via: RouterEndpoint;
  readonly caller: Caller;
}

/** One port for both kinds of nodes. */
export class BothEndpoint implements Endpoint {
  readonly #secured: RouterEndpoint;
  readonly #open: RouterEndpoint;
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();
  readonly #clock: Pick<Clock, 'after'>;

  private constructor(
    secured: RouterEndpoint,
    open: RouterEndpoint,
    { clock }: Pick<NetworkParts, 'clock'>,
  ) {
    this.#clock = clock;
    this.#secured = secured;
    this.#open = open;
    this.#server = createServer({ noDelay: true }, (socket) => this.#greet(socket));
    this.#server.maxConnections = MAX_BOTH_SOCKETS;
  }

  /** Listens at an address. Rejects with `StartError` if that is not possible. */
  static async bind(
    network: NetworkParts,
    address: Address,
    onFrame: (from: Caller, frame: Uint8Array) => void,
  ): Promise<BothEndpoint> {
    const bindOne = async (parts: NetworkParts, kind: string): Promise<RouterEndpoint> => {
      const via = await RouterEndpoint.bind(parts, ANY_PORT, (caller, frame) => {
        const handle: BothHandle = { via, caller };
        onFrame({ id: kind + caller.id, handle }, frame);
      });
      return via;
    };
    const secured = await bindOne(network, 'secured ');
    const open = await bindOne({ ...network, keys: undefined }, 'open ');
    const both = new BothEndpoint(secured, open, network);
    await new Promise<void>((resolve, reject) => {
      both.#server.once('error', reject);
      both.#server.listen(address.port, address.host, resolve);
    }).catch(async (error: unknown) => {
      await both.close();
      throw listenError(urlOf(address), 'port', error);
    });
    return both;
  }

  /** Asks for the mechanism of a connection as ZeroMQ does, and passes it on. */
  #greet(socket: Socket): void {
    this.#keep(socket);
    const patience = this.#clock.after(HANDSHAKE_MS, () => socket.destroy());
    socket.once('close', () => patience.cancel());
    let greeting = Buffer.alloc(0);
    const read = (chunk: Buffer): void => {
      greeting = Buffer.concat([greeting, chunk]);
      if (greeting.length < MECHANISM_END) return;
      socket.off('data', read);
      socket.pause();
      patience.cancel();
      const mechanism = greeting.toString('latin1', MECHANISM_AT, MECHANISM_END);
      const { port } = mechanism.startsWith('CURVE') ? this.#secured : this.#open;
      if (port === undefined) socket.destroy();
      else this.#join(socket, greeting, port);
    };
    socket.on('data', read);
    socket.write(START);
  }

  #join(socket: Socket, greeting: Buffer, port: number): void {
    const inside = this.#keep(connect({ host: LOOPBACK, port, noDelay: true }));
    socket.once('close', () => inside.destroy());
    inside.once('close', () => socket.destroy());
    inside.write(greeting);
    // The other end has the first bytes of the answer already.
    let skip = START.length;
    const pass = (chunk: Buffer): void => {
      const rest = chunk.subarray(skip);
      skip = Math.max(0, skip - chunk.length);
      if (rest.length > 0) socket.write(rest);
      if (skip > 0) return;
      inside.off('data', pass);
      inside.pipe(socket);
    };
    inside.on('data', pass);
    socket.pipe(inside);
  }

  #keep(socket: Socket): Socket {
    this.#sockets.add(socket);
    socket.once('close', () => this.#sockets.delete(socket));
    // Closing follows.
    socket.on('error', () => {});
    return socket;
  }

  send({ handle }: Caller, frame: Uint8Array): Promise<boolean> {
    const { via, caller } = handle as BothHandle;
    return via.send(caller, frame);
  }

  /** Cuts the connections with keys, and takes them again, with the own key of now. */
  cut(): Promise<void> {
    return this.#secured.cut();
  }

  async close(): Promise<void> {
    this.#server.close();
    for (const socket of this.#sockets) socket.destroy();
    await Promise.all([this.#secured.close(), this.#open.close()]);
  }
}
