/**
 * The connection of a client: its unanswered requests, and bytes that are no request. Such bytes
 * are answered in their turn. Otherwise a client would take their refusal for the answer to its
 * last request, which may be a write that succeeds (RFC 9112, 9.3.2).
 */
import { type IncomingMessage, type ServerResponse, STATUS_CODES } from 'node:http';
import type { Socket } from 'node:net';
import type { Clock } from '../base/env.ts';
import type { MecError } from '../base/errors.ts';
import { microsToHttpDate } from '../base/system.ts';
import type { ClientCertificate } from '../cluster/security.ts';
import type { ClientAddress } from './client-addresses.ts';
import type { ProvenToken } from './door.ts';
import { guard } from './guards.ts';
import { failure, problem } from './problem.ts';
import { send } from './send.ts';
import type { Exchange } from './stream.ts';

/** The refusal of bytes that are no request. */
export interface Refusal {
  readonly error: MecError;
  /** Whether the bytes were probably a HEAD, whose answer must have no body. */
  readonly isForHead: boolean;
}

/** The state of one connection. */
export class HttpConnection {
  readonly #socket: Socket;
  readonly #clock: Clock;
  readonly address: ClientAddress;
  /** Requests that count as in progress. */
  unanswered = 0;
  /** The last `Host` that was admitted. Most clients send the same one with each request. */
  host: string | undefined;
  /** The certificate that the client has proved to have; undefined if there is none. */
  certificate: ClientCertificate | undefined;
  /** The last token. Most clients send the same one with each request. */
  token: ProvenToken | undefined;
  /** The work at the end of requests that are not over. Undefined if there was none yet. */
  #atEnd: Map<ServerResponse, () => void> | undefined;
  /** Responses that are not over, those to refused requests included. */
  #open = 0;
  #last: Exchange | undefined;
  /** The bytes of this connection that `takeMoved` has told. */
  #movedBytes = 0;
  #refusal: Refusal | undefined;

  constructor(socket: Socket, address: ClientAddress, clock: Clock) {
    this.#socket = socket;
    this.address = address;
    this.#clock = clock;
  }

  /** Calls a function when a response ends (see `end`), or the whole connection. */
  onOver(response: ServerResponse, act: () => void): void {
    // The client may have gone while its proof was checked. Then no event follows.
    if (response.closed || this.#socket.destroyed) return act();
    this.#atEnd ??= this.#watch();
    this.#atEnd.set(response, act);
  }

  /** The bytes that have gone over this connection, both ways, since the last call. */
  takeMoved(): number {
    const { bytesRead, bytesWritten } = this.#socket;
    const moved = bytesRead + bytesWritten - this.#movedBytes;
    this.#movedBytes += moved;
    return moved;
  }

  #over(response: ServerResponse): void {
    const act = this.#atEnd?.get(response);
    this.#atEnd?.delete(response);
    act?.();
  }

  /** A pipelined request that is never answered emits no "close" on its response. */
  #watch(): Map<ServerResponse, () => void> {
    const atEnd = new Map<ServerResponse, () => void>();
    this.#socket.once('close', () => {
      for (const response of atEnd.keys()) this.#over(response);
    });
    return atEnd;
  }

  /** Notes a request whose head has been read. Its response must end with `end`. */
  begin(req: IncomingMessage, res: ServerResponse): void {
    this.#open += 1;
    this.#last = { req, res };
  }

  /** Notes that a response is over. */
  end(response: ServerResponse): void {
    this.#over(response);
    this.#open -= 1;
    if (this.#open === 0 && this.#refusal !== undefined) this.#close(this.#refusal);
  }

  /** Refuses bytes that are no request, after the answers to all requests before them. */
  refuse(refusal: Refusal): void {
    // Every piece that follows is an error, too. The first refusal must still leave.
    if (this.#refusal !== undefined) return;
    this.#refusal = refusal;
    const last = this.#last;
    if (last !== undefined && !last.req.complete && !last.res.headersSent) {
      // The bytes are a part of its body.
      last.res.shouldKeepAlive = false;
      send(last, failure(last.req.method ?? '', refusal.error));
    } else if (this.#open === 0) this.#close(refusal);
  }

  #close({ error, isForHead }: Refusal): void {
    const socket = this.#socket;
    if (!socket.writable) {
      socket.destroy();
      return;
    }
    // A request with such bytes in its body has had its answer.
    const isAnswered = this.#last?.req.complete === false;
    // A client that never closes its half must not keep the socket open.
    const close = (): unknown => socket.destroy();
    if (isAnswered) socket.end(close);
    else socket.end(bytesOf(error, isForHead, this.#clock), close);
  }
}

/** The bytes of an answer without a response of Node. */
function bytesOf(error: MecError, isForHead: boolean, clock: Clock): Buffer {
  const { status, headers, body = new Uint8Array() } = problem(error);
  const lines = Object.entries({
    ...guard(headers),
    'Content-Length': String(body.length),
    Date: microsToHttpDate(clock.wallMicros()),
    Connection: 'close',
  });
  const head = lines.map(([name, value]) => `${name}: ${value}\r\n`).join('');
  return Buffer.concat([
    Buffer.from(`HTTP/1.1 ${status} ${STATUS_CODES[status] ?? ''}\r\n${head}\r\n`, 'latin1'),
    isForHead ? new Uint8Array() : body,
  ]);
}
