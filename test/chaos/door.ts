/** One node, as clients see it by HTTP: reads with all siblings, writes, and what became of each. */
import { type Response, send, type Sent } from '../fixtures/http.ts';

/** A node that serves HTTP. */
export interface Serving {
  readonly name: string;
  readonly url: string;
}

/** What a read gave. */
export interface Look {
  /** None, one, or siblings. */
  readonly values: readonly string[];
  readonly token: string;
  /** Of all values together; empty if there is none. */
  readonly etag: string;
}

/** What a write came to: `done` and `not` are certain, `unknown` may have happened, or may yet. */
export type Outcome = 'done' | 'not' | 'unknown';

/** A write and the answer to it. */
export interface Told {
  readonly outcome: Outcome;
  readonly status: number;
  readonly token: string;
  readonly etag: string;
}

/** Longer than the longest timeout of a node, shorter than a hang: a client has given up by then. */
const CLIENT_TIMEOUT_MS = 8_000;

/** Answers after which nothing was written: the condition does not hold, or the request makes no sense. */
const NOT_WRITTEN: readonly number[] = [400, 404, 409, 412, 413, 422];

const headerOf = ({ headers }: Response, name: string): string => String(headers[name] ?? '');

/** How often each answer was given, by method and status. */
export type Tally = Map<string, number>;

/** The door of one node. */
export class Door {
  readonly node: Serving;
  readonly #tally: Tally;

  constructor(node: Serving, tally: Tally = new Map()) {
    this.node = node;
    this.#tally = tally;
  }

  async #ask(path: string, sent: Sent): Promise<Response | undefined> {
    const asked = send(`${this.node.url}/mec/${path}`, { timeoutMs: CLIENT_TIMEOUT_MS, ...sent });
    const response = await asked.catch(() => undefined);
    const name = `${sent.method ?? 'GET'} ${response?.status ?? 'no answer'}`;
    this.#tally.set(name, (this.#tally.get(name) ?? 0) + 1);
    return response;
  }

  /** Reads a key; undefined if the node gave no answer that says what is there. */
  async read(key: string, query = ''): Promise<Look | undefined> {
    const response = await this.#ask(key + query, { headers: { Accept: 'application/json' } });
    if (response === undefined) return undefined;
    const [token, etag] = [headerOf(response, 'x-mec-vclock'), headerOf(response, 'etag')];
    if (response.status === 404) return { values: [], token, etag: '' };
    if (response.status === 200) return { values: [response.text], token, etag };
    if (response.status !== 300) return undefined;
    const { siblings } = JSON.parse(response.text) as { siblings: readonly { readonly value: string }[] };
    return { values: siblings.map(({ value }) => value), token, etag };
  }

  /** Writes a key, or with the method DELETE removes what is there. */
  async write(key: string, { method = 'PUT', headers = {}, body = '' }: Sent): Promise<Told> {
    const isDelete = method === 'DELETE';
    const typed = isDelete ? headers : { 'Content-Type': 'text/plain', ...headers };
    const response = await this.#ask(key, { method, headers: typed, body: isDelete ? undefined : body });
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

/** The header that says what a writer has seen; none if it has seen nothing. */
export const seenBy = (token: string): Record<string, string> => (token === '' ? {} : { 'X-Mec-Vclock': token });
