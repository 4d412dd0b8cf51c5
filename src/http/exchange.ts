/** HTTP without a socket: routes take a plain request and return a plain answer. */

import type { ErrorCode } from '../base/errors.ts';
import type { Access } from './access.ts';

/** A request whose head has been read, but not its body. */
export interface HttpRequest {
  readonly method: string;
  /** As sent: percent-encoded, without the query. */
  readonly path: string;
  readonly query: string;
  /** Names are in lower case. Repeated headers are joined by commas. */
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  /**
   * The name of the client; undefined without access control. Nodes pass it on with all that they
   * ask for it.
   */
  readonly caller?: string | undefined;
  /** The rights of its sender; undefined without access control. */
  readonly access?: Access | undefined;
  /**
   * Reads the body; call this or `chunks`, once. Rejects with `value-too-large` before more than
   * `limit` bytes are in memory.
   */
  body(limit: number): Promise<Uint8Array>;
  /**
   * The body in pieces, as they arrive: for one that is too large for the memory. The client sends
   * no faster than the pieces are taken. Throws `value-too-large` after `limit` bytes.
   */
  chunks(limit: number): AsyncIterable<Uint8Array>;
}

/** Headers by name. */
export type Headers = Record<string, string>;

/** An answer. */
export interface HttpAnswer {
  readonly status: number;
  /** The code of the error, for counters; undefined if there is none. */
  readonly error?: ErrorCode | undefined;
  /** The headers of this answer. The server adds others. */
  readonly headers: Headers;
  readonly body?: Uint8Array | undefined;
  /**
   * A body in pieces, if it is too large for the memory. The next piece is requested when the
   * client has taken the last. If it throws, the connection is cut, so that the client sees that
   * the body is incomplete.
   */
  readonly stream?: AsyncGenerator<Uint8Array> | undefined;
}

/** A header of a request by its lower-case name; undefined if absent. */
export function headerOf(request: HttpRequest, name: string): string | undefined {
  const value = request.headers[name];
  return Array.isArray(value) ? value.join(', ') : value;
}
