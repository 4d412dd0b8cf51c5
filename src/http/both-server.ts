/**
 * One HTTP port for clients with TLS and without, while a cluster gets its keys. The first byte
 * tells them apart. Each kind has a server of its own: with the whole door of a secured node, or
 * without any.
 */
import { createServer, type Server, type Socket } from 'node:net';
import { httpUrl } from '../base/address.ts';
import type { Clock } from '../base/env.ts';
import { listenError } from '../base/errors.ts';
import { HTTP_HEADERS_TIMEOUT_MS, MAX_HTTP_CONNECTIONS } from './limits.ts';
import { HttpServer, type HttpServerOptions } from './server.ts';

/** The first byte of TLS: a record of a handshake (RFC 8446, 5.1). */
const TLS_HANDSHAKE = 0x16;

/** A server for both kinds of clients. */
export class BothServer {
  readonly #secured: HttpServer;
  readonly #open: HttpServer;
  readonly #server: Server;
  readonly #clock: Pick<Clock, 'after'>;
  /** Connections that have sent nothing yet. */
  readonly #silent = new Set<Socket>();

  private constructor(options: HttpServerOptions) {
    const { node, env, version, pages } = options;
    this.#clock = env.clock;
    this.#secured = HttpServer.inside(options);
    this.#open = HttpServer.inside({ node, env, version, pages });
    this.#server = createServer({ allowHalfOpen: true, noDelay: true }, (socket) =>
      this.#sort(socket),
    );
    this.#server.maxConnections = MAX_HTTP_CONNECTIONS;
  }

  /** Starts the server. Rejects with `StartError` if it cannot listen on the address. */
  static async start(options: HttpServerOptions): Promise<BothServer> {
    const both = new BothServer(options);
    const { host, httpport } = options.node.config;
    await new Promise<void>((resolve, reject) => {
      both.#server.once('error', (error) =>
        reject(listenError(httpUrl(host, httpport), 'httpport', error)),
      );
      both.#server.listen({ host, port: httpport, backlog: 1024 }, resolve);
    });
    return both;
  }

  #sort(socket: Socket): void {
    this.#silent.add(socket);
    const destroy = (): void => void socket.destroy();
    socket.on('error', destroy);
    const patience = this.#clock.after(HTTP_HEADERS_TIMEOUT_MS, destroy);
    socket.once('close', () => {
      patience.cancel();
      this.#silent.delete(socket);
    });
    socket.once('readable', () => {
      this.#silent.delete(socket);
      const first = socket.read() as Buffer | null;
      if (first === null) return destroy();
      socket.off('error', destroy);
      patience.cancel();
      socket.unshift(first);
      (first[0] === TLS_HANDSHAKE ? this.#secured : this.#open).take(socket);
    });
  }

  /** Takes the certificates of the files. Rejects with a `MecError`. */
  reloadTls(): Promise<void> {
    return this.#secured.reloadTls();
  }

  /** Answers the requests in progress, refuses new ones, and closes all connections. */
  async stop(): Promise<void> {
    this.#server.close();
    for (const socket of this.#silent) socket.destroy();
    await Promise.all([this.#secured.stop(), this.#open.stop()]);
  }
}
