/**
 * One node as clients see it over HTTP: reads with all siblings, writes, and the outcome of each.
 */
import { type Response, send, type SendOptions } from '../fixtures/http.ts';

/** A node that serves HTTP. */
export interface ServingNode {
  readonly name: string;
  readonly url: string;
}

/** The result of a read. */
export interface ReadAnswer {
  /** The values: none, one, or siblings. */
  readonly values: readonly string[];
  readonly token: string;
  /** The entity tag of all values together; empty if there is none. */
  readonly etag: string;
}

/**
 * The outcome of a write. `done` and `not` are certain; `unknown` may have happened, or may still.
 */
export type Outcome = 'done' | 'not' | 'unknown';

/** A write and its answer. */
export interface WriteAnswer {
  readonly outcome: Outcome;
  readonly status: number;
  readonly token: string;
  readonly etag: string;
}

/**
 * Longer than the longest timeout of a node, but shorter than a hang, during which a client gives
 * up.
 */
const CLIENT_TIMEOUT_MS = 8_000;

/**
 * Answers after which nothing was written: the condition does not hold, or the request is invalid.
 */
const NOT_WRITTEN: readonly number[] = [400, 404, 409, 412, 413, 422];

const headerOf = ({ headers }: Response, name: string): string => String(headers[name] ?? '');

/** The number of each answer, by method and status. */
export type Tally = Map<string, number>;

/** The HTTP interface of one node. */
export class NodeClient {
  readonly node: ServingNode;
  readonly #tally: Tally;

  constructor(node: ServingNode, tally: Tally = new Map()) {
    this.node = node;
    this.#tally = tally;
  }

  async #ask(path: string, options: SendOptions): Promise<Response | undefined> {
    const answer = send(`${this.node.url}/mec/${path}`, {
      timeoutMs: CLIENT_TIMEOUT_MS,
      ...options,
    });
    const response = await answer.catch(() => undefined);
    const name = `${options.method ?? 'GET'} ${response?.status ?? 'no answer'}`;
    this.#tally.set(name, (this.#tally.get(name) ?? 0) + 1);
    return response;
  }

  /** Reads a key. Returns undefined if the answer does not tell the value. */
  async read(key: string, query = ''): Promise<ReadAnswer | undefined> {
    const response = await this.#ask(key + query, { headers: { Accept: 'application/json' } });
    if (response === undefined) return undefined;
    const [token, etag] = [headerOf(response, 'x-mec-vclock'), headerOf(response, 'etag')];
    if (response.status === 404) return { values: [], token, etag: '' };
    if (response.status === 200) return { values: [response.text], token, etag };
    if (response.status !== 300) return undefined;
    const { siblings } = JSON.parse(response.text) as {
      siblings: readonly { readonly value: string }[];
    };
    return { values: siblings.map(({ value }) => value), token, etag };
  }

  /** Writes a key, or removes its value with the method DELETE. */
  async write(
    key: string,
    { method = 'PUT', headers = {}, body = '' }: SendOptions,
  ): Promise<WriteAnswer> {
    const isDelete = method === 'DELETE';
    const typed = isDelete ? headers : { 'Content-Type': 'text/plain', ...headers };
    const response = await this.#ask(key, {
      method,
      headers: typed,
      body: isDelete ? undefined : body,
    });
    const status = response?.status ?? 0;
    const isDone = status === 200 || status === 204;
    return {
      status,
      outcome: isDone ? 'done' : NOT_WRITTEN.includes(status) ? 'not' : 'unknown',
      token: response === undefined ? '' : headerOf(response, 'x-mec-vclock'),
      etag: response === undefined ? '' : headerOf(response, 'etag'),
    };
  }
}

/** The header with the writer's token; none if it has none. */
export const tokenHeader = (token: string): Record<string, string> =>
  token === '' ? {} : { 'X-Mec-Vclock': token };
