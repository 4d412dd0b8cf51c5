/** Requests of one turn of a simulated user, sent as one batch. */
import { bytesToUtf8, utf8ToBytes } from '../base/bytes.ts';
import { bodyInMemory } from '../http/body-in-memory.ts';
import { BATCH_PATH } from '../http/batch-route.ts';
import type { HttpAnswer, HttpRequest } from '../http/exchange.ts';
import { KEY_PREFIX } from '../http/request.ts';
import type { Server } from './http.ts';

interface BatchedRequest {
  readonly request: HttpRequest;
  readonly resolve: (answer: HttpAnswer) => void;
  readonly reject: (reason: unknown) => void;
}

/** A server that sends the requests which come in one turn as one batch. */
export class Batcher implements Server {
  readonly #server: Server;
  #waiting: BatchedRequest[] = [];

  constructor(server: Server) {
    this.#server = server;
  }

  send(request: HttpRequest): Promise<HttpAnswer> {
    if (this.#waiting.length === 0) queueMicrotask(() => void this.#flush());
    return new Promise((resolve, reject) => this.#waiting.push({ request, resolve, reject }));
  }

  async #flush(): Promise<void> {
    const waiting = this.#waiting;
    this.#waiting = [];
    try {
      const lines = await Promise.all(waiting.map(({ request }) => toLine(request)));
      const headers = { 'content-type': 'application/x-ndjson' };
      const whole = { method: 'POST', path: BATCH_PATH, query: '', headers };
      const answer = await this.#server.send({
        ...whole,
        ...bodyInMemory(utf8ToBytes(lines.join('\n'))),
      });
      if (answer.status !== 200) for (const { resolve } of waiting) resolve(answer);
      else answersOf(answer, waiting.length).forEach((one, i) => waiting[i]?.resolve(one));
    } catch (error) {
      for (const { reject } of waiting) reject(error);
    }
  }
}

async function toLine(request: HttpRequest): Promise<string> {
  const { method, path, query, headers } = request;
  const { timeout: _, ...parameters } = Object.fromEntries(new URLSearchParams(query));
  const op = { GET: 'get', PUT: 'put', DELETE: 'delete' }[method];
  const key = decodeURIComponent(path.slice(KEY_PREFIX.length));
  const value = op === 'put' ? { value: bytesToUtf8(await request.body(Infinity)) } : {};
  return JSON.stringify({ op, key, ...parameters, ...headers, ...value });
}

function answersOf({ body }: HttpAnswer, count: number): HttpAnswer[] {
  const lines = (bytesToUtf8(body ?? new Uint8Array()) ?? '').trimEnd().split('\n');
  if (lines.length !== count)
    throw new Error(`a batch of ${count} operations has ${lines.length} answers`);
  return lines.map((line) => {
    const { status, value = '', encoding: _, ...headers } = JSON.parse(line) as AnswerLine;
    return { status, headers, body: utf8ToBytes(value) };
  });
}

/** The line of an answer; its other fields are headers. */
type AnswerLine = {
  readonly status: number;
  readonly value?: string;
  readonly encoding?: string;
} & Record<string, never>;
