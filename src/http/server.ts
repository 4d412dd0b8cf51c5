/** The HTTP server of a node: limits, malformed input, and an orderly stop. */
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import { httpUrl } from '../base/address.ts';
import type { Env } from '../base/env.ts';
import { listenError, MecError, nothingWritten } from '../base/errors.ts';
import { STOP_GRACE_MS } from '../cluster/limits.ts';
import {
  HTTP_HEADERS_TIMEOUT_MS,
  HTTP_KEEP_ALIVE_MS,
  HTTP_REQUEST_TIMEOUT_MS,
  HTTP_SOCKET_TIMEOUT_MS,
  MAX_HEADER_BYTES,
  MAX_HTTP_ANSWER_BYTES,
  MAX_HTTP_BODY_BYTES,
  MAX_HTTP_CONNECTIONS,
  MAX_HTTP_IN_FLIGHT,
  MAX_HTTP_PIPELINED,
} from './limits.ts';
import type { Joins } from '../cluster/joins.ts';
import type { MecNode } from '../cluster/node.ts';
import { absoluteTargetOf, Admission } from './admission.ts';
import { createHandle, type Handle } from './app.ts';
import { operationOf } from './metrics-route.ts';
import type { ServerStatus } from './server-status.ts';
import { AnswerMemory } from './answer-memory.ts';
import { BodyMemory } from './body-memory.ts';
import { type CertificateLife, certificateStatus, lifeOf } from './certificate-life.ts';
import { ClientAddresses } from './client-addresses.ts';
import type { Access } from './access.ts';
import { HttpConnection } from './connection.ts';
import type { Lock } from './lock.ts';
import { openLock } from './open-lock.ts';
import { answerCors } from './cors.ts';
import { NO_TUNNEL, type ParserError, refusalOf } from './parser-error.ts';
import { type Pages, PAGES_PATH } from './pages.ts';
import { failure } from './problem.ts';
import { send } from './send.ts';
import {
  type AnyServer,
  certificateOf,
  clusterOf,
  createAnyServer,
  replaceTls,
  type TlsFiles,
} from './tls.ts';

/** The parts of a server. */
export interface HttpServerOptions {
  readonly node: MecNode;
  readonly env: Env;
  /** The version of this software, for `/status`. */
  readonly version: string;
  /** Pages for people in a browser; undefined if there are none. */
  readonly pages?: Pages | undefined;
  /** Undefined if requests need no credentials. */
  readonly lock?: Lock | undefined;
  /** Undefined if requests come in the clear. */
  readonly tls?: TlsFiles | undefined;
  /** The tokens for joining that this node has made; undefined if nodes need no keys. */
  readonly joins?: Joins | undefined;
  /** Reads the certificates again. Undefined if there are none. */
  readonly readTls?: (() => Promise<TlsFiles>) | undefined;
}

/** A request that has passed all checks of its head. */
interface Entrant {
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
  readonly connection: HttpConnection;
  /** Whether the request counts as in progress. */
  readonly stay: { isCounted: boolean };
}

/** Paths that report on the node. They must answer even if the node is overloaded. */
const ABOUT_NODE: readonly string[] = [
  '/',
  '/ping',
  '/ready',
  '/health',
  '/metrics',
  '/status',
  '/cluster/status',
  PAGES_PATH,
];

const isAboutNode = (url: string): boolean =>
  ABOUT_NODE.includes(url) || url.startsWith(`${PAGES_PATH}/`);

const OVERLOADED = new MecError('overloaded', {
  ...nothingWritten('Too many requests are in progress.'),
  retryAfter: 1,
});
const BAD_REQUEST = new MecError('bad-request', {
  detail: 'A request must name a path, and HTTP/1.1 or HTTP/1.0',
});

const isPath = (url: string): boolean => url.startsWith('/') && !url.includes('#');

/** The HTTP server of a node. */
export class HttpServer {
  readonly #options: HttpServerOptions;
  readonly #server: AnyServer;
  readonly #bodies: BodyMemory;
  readonly #answers: AnswerMemory;
  readonly #addresses: ClientAddresses;
  readonly #handle: Handle;
  readonly #admission: Admission;
  readonly #accesses = new WeakMap<IncomingMessage, Access>();
  readonly #connections = new WeakMap<Socket, HttpConnection>();
  /** The life of the certificate in use; undefined if there is none. */
  #life: CertificateLife | undefined;
  #inFlight = 0;
  #refused = 0;
  #isStopping = false;

  private constructor(options: HttpServerOptions) {
    const { node, env, version, pages, joins } = options;
    this.#options = options;
    this.#bodies = new BodyMemory(env.clock, MAX_HTTP_BODY_BYTES);
    this.#answers = new AnswerMemory(MAX_HTTP_ANSWER_BYTES);
    this.#addresses = new ClientAddresses(node.config.http.proxies);
    this.#admission = new Admission(() => {
      const { name, host, http } = node.config;
      return { origins: http.origins, hosts: [name, host, ...http.hosts] };
    });
    const gates = {
      bodies: this.#bodies,
      answers: this.#answers,
      addressOf: ({ socket }: IncomingMessage) => this.#connectionOf(socket).address,
      accessOf: options.lock && ((request: IncomingMessage) => this.#accesses.get(request)),
    };
    this.#handle = createHandle({
      node,
      env,
      version,
      gates,
      pages,
      status: () => this.#status(),
      whyNotReady: () => this.#whyNotReady(),
      reloadTls: () => this.reloadTls(),
      joins,
    });
    const limits = {
      maxHeaderSize: MAX_HEADER_BYTES,
      headersTimeout: HTTP_HEADERS_TIMEOUT_MS,
      requestTimeout: HTTP_REQUEST_TIMEOUT_MS,
      keepAliveTimeout: HTTP_KEEP_ALIVE_MS,
      connectionsCheckingInterval: 1_000,
      // Node's own refusal would not be a problem document.
      requireHostHeader: false,
      // Otherwise Node drops the second of two headers such as Host without a word.
      joinDuplicateHeaders: true,
    };
    const onRequest = (request: IncomingMessage, response: ServerResponse): void =>
      this.#serve(request, response);
    const { tls } = options;
    this.#life = tls && lifeOf(tls.certificate);
    this.#server = createAnyServer(limits, tls, onRequest);
    // A client that closes its half after a request still gets the answer, as `nc -N` expects. The
    // server closes when all requests are answered.
    Object.assign(this.#server, { httpAllowHalfOpen: true });
    this.#server.on(tls === undefined ? 'connection' : 'secureConnection', (socket: Socket) =>
      this.#open(socket),
    );
    this.#server.maxConnections = MAX_HTTP_CONNECTIONS;
    // Node drops headers above a number without a word, and conditions with them. The limit on
    // their bytes is enough.
    this.#server.maxHeadersCount = 0;
    this.#server.timeout = HTTP_SOCKET_TIMEOUT_MS;
    // Replaces the automatic "100 Continue": the body is requested when there is room for it.
    this.#server.on('checkContinue', (request, response) => this.#serve(request, response));
    this.#server.on('checkExpectation', (request, response) => this.#serve(request, response));
    this.#server.on('clientError', (error: ParserError, socket) =>
      this.#connectionOf(socket as Socket).refuse(refusalOf(error)),
    );
    // Otherwise Node would close the connection without a word.
    this.#server.on('connect', (_, socket) =>
      this.#connectionOf(socket as Socket).refuse(NO_TUNNEL),
    );
  }

  /** Takes a connection that another server has accepted. */
  take(socket: Socket): void {
    this.#server.emit('connection', socket);
  }

  /** Makes a server that listens nowhere, and takes connections of another one. */
  static inside(options: HttpServerOptions): HttpServer {
    return new HttpServer(options);
  }

  /** Starts the server. Rejects with `StartError` if it cannot listen on the address. */
  static async start(options: HttpServerOptions): Promise<HttpServer> {
    const http = new HttpServer(options);
    const { host, httpport } = options.node.config;
    await new Promise<void>((resolve, reject) => {
      http.#server.once('error', (error) =>
        reject(listenError(httpUrl(host, httpport), 'httpport', error)),
      );
      http.#server.listen({ host, port: httpport, backlog: 1024 }, resolve);
    });
    return http;
  }

  /** Takes the certificates of the files. Rejects with a `MecError`, and then the old ones stay. */
  async reloadTls(): Promise<void> {
    const { readTls } = this.#options;
    if (readTls === undefined) throw new MecError('no-such-route', { detail: 'There is no TLS.' });
    const tls = await readTls();
    replaceTls(this.#server, tls);
    this.#life = lifeOf(tls.certificate);
  }

  /**
   * Answers the requests in progress, refuses new ones, and resolves when all connections are
   * closed.
   */
  async stop(): Promise<void> {
    this.#isStopping = true;
    const grace = this.#options.env.clock.after(STOP_GRACE_MS, () =>
      this.#server.closeAllConnections(),
    );
    await new Promise<void>((resolve) => {
      this.#server.close(() => resolve());
      this.#server.closeIdleConnections();
    });
    grace.cancel();
  }

  #serve(request: IncomingMessage, response: ServerResponse): void {
    if (this.#isStopping) response.shouldKeepAlive = false;
    const connection = this.#connectionOf(request.socket);
    connection.begin(request, response);
    const { node } = this.#options;
    const { clock } = this.#options.env;
    const stay = { startMs: clock.monotonicMs(), isCounted: false };
    response.once('close', () => {
      if (stay.isCounted) {
        const tookMs = clock.monotonicMs() - stay.startMs;
        node.sight.recorder.countAnswer(operationOf(request), response.statusCode, tookMs);
        this.#over(connection, 1);
      }
      connection.end(response);
    });
    const misdirected = this.#refusalOfTarget(request, connection);
    if (misdirected !== undefined) return this.#refuse(request, response, misdirected);
    // Comes before the other checks, so that a page can also read the refusal of its request.
    const { origins } = node.config.http;
    if (origins.length > 0 && answerCors(origins, request, response)) return;
    const foreign = this.#admission.refusalOfOrigin(request);
    if (foreign !== undefined) return this.#refuse(request, response, foreign);
    const { lock } = this.#options;
    if (lock !== undefined) {
      const access = openLock(lock, request, { response, connection });
      const enter = (known: Access | MecError): void => {
        if (known instanceof MecError) return this.#refuseUnread(request, response, known);
        this.#accesses.set(request, known);
        this.#admit({ request, response, connection, stay });
      };
      if (access instanceof Promise) void access.then(enter);
      else enter(access);
      return;
    }
    this.#admit({ request, response, connection, stay });
  }

  /** Counts a request that may enter, and answers it. */
  #admit({ request, response, connection, stay }: Entrant): void {
    if (this.#isTooMuch(request, connection)) return this.#refuse(request, response, OVERLOADED);
    stay.isCounted = true;
    this.#inFlight += 1;
    connection.unanswered += 1;
    connection.address.requests += 1;
    // If the socket is already destroyed, no event will follow.
    if (request.socket.destroyed) this.#over(connection, 1);
    void this.#handle(request, response);
  }

  /** Returns the error of a request that is not for this node. Makes its target a path. */
  #refusalOfTarget(request: IncomingMessage, connection: HttpConnection): MecError | undefined {
    const { url = '', headers, httpVersionMajor } = request;
    if (httpVersionMajor < 1) return BAD_REQUEST;
    if (!isPath(url) && !(url === '*' && request.method === 'OPTIONS')) {
      const target = absoluteTargetOf(url);
      if (target === undefined) return BAD_REQUEST;
      request.url = target.path;
      if (headers.host !== undefined) headers.host = target.authority;
    }
    if (headers.host !== undefined && headers.host === connection.host) return undefined;
    const refusal = this.#admission.refusalOfHost(request);
    if (refusal === undefined) connection.host = headers.host;
    return refusal;
  }

  #isTooMuch({ url = '' }: IncomingMessage, { unanswered, address }: HttpConnection): boolean {
    if (unanswered >= MAX_HTTP_PIPELINED) return true;
    const isFull = this.#inFlight >= MAX_HTTP_IN_FLIGHT || address.hasAllItsPlaces;
    return isFull && !isAboutNode(url);
  }

  /** Counts a new connection, and closes it if its address has too many. */
  #open(socket: Socket): HttpConnection {
    const { remoteAddress = '' } = socket;
    const address = this.#addresses.open(remoteAddress);
    const connection = new HttpConnection(socket, address, this.#options.env.clock);
    if (this.#options.tls !== undefined)
      connection.certificate = certificateOf(socket, clusterOf(this.#options.node));
    this.#connections.set(socket, connection);
    socket.once('close', () => {
      // A pipelined request that is never answered emits no "close" on its response.
      this.#over(connection, connection.unanswered);
      this.#addresses.close(remoteAddress, address);
    });
    if (address.hasTooManySockets) socket.destroy();
    return connection;
  }

  #connectionOf(socket: Socket): HttpConnection {
    return this.#connections.get(socket) ?? this.#open(socket);
  }

  #over(connection: HttpConnection, count: number): void {
    const over = Math.min(count, connection.unanswered);
    connection.unanswered -= over;
    connection.address.requests -= over;
    this.#inFlight -= over;
    if (this.#isStopping) this.#server.closeIdleConnections();
  }

  #refuse(request: IncomingMessage, response: ServerResponse, error: MecError): void {
    this.#refused += 1;
    this.#options.node.sight.recorder.countError(error.code);
    request.resume();
    send({ req: request, res: response }, failure(request.method ?? '', error));
  }

  /** Refuses a request without reading a byte of its body. */
  #refuseUnread(request: IncomingMessage, response: ServerResponse, error: MecError): void {
    this.#refused += 1;
    this.#options.node.sight.recorder.countError(error.code);
    send({ req: request, res: response }, failure(request.method ?? '', error));
  }

  #whyNotReady(): MecError | undefined {
    return this.#isStopping ? new MecError('stopping') : this.#options.node.whyNotReady();
  }

  #status(): ServerStatus {
    const { rss, heapUsed } = process.memoryUsage();
    const http = {
      inFlight: this.#inFlight,
      refused: this.#refused,
      bodyBytes: this.#bodies.usedBytes,
      answerBytes: this.#answers.usedBytes,
    };
    return {
      version: this.#options.version,
      pid: process.pid,
      health: this.#options.node.sight.health.verdict(),
      ...this.#options.node.status(),
      http,
      ...(this.#life !== undefined && {
        certificate: certificateStatus(this.#life, this.#options.env.clock.wallMicros()),
      }),
      memory: { rssBytes: rss, heapBytes: heapUsed },
    };
  }
}
