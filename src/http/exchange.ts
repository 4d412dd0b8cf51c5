/** HTTP without a socket: a plain request in, a plain answer out. Routes know nothing else. */

/** A request, its head read and its body not yet. */
export interface HttpRequest {
  readonly method: string;
  /** As sent, percent-encoded, without the query. */
  readonly path: string;
  readonly query: string;
  /** Names in lower case; repeated headers joined by commas. */
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  /** Reads the body, once; rejects with `value-too-large` before more than `limit` bytes are held. */
  body(limit: number): Promise<Uint8Array>;
}

/** Headers by name. */
export type Headers = Record<string, string>;

/** An answer. */
export interface HttpAnswer {
  readonly status: number;
  /** The answer's own: what sends it adds to them. */
  readonly headers: Headers;
  readonly body?: Uint8Array | undefined;
  /**
   * In place of a body, for what is too much to be held at once: asked for the next piece when the
   * last has been taken. Where it throws, the connection is cut, so that the client knows that the
   * answer is not whole.
   */
  readonly stream?: AsyncGenerator<Uint8Array> | undefined;
}

/** One header of a request, where it is there. */
export function headerOf(request: HttpRequest, name: string): string | undefined {
  const value = request.headers[name];
  return Array.isArray(value) ? value.join(', ') : value;
}
