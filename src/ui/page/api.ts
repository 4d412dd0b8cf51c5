/** Requests to the node that serves the page, with a limit on time and size. */
import { ANSWER_TIMEOUT_MS, MAX_READ_BYTES } from './limits.ts';

const { routes: USUAL = '' } = document.documentElement.dataset;

/** A request that failed, as a sentence for people. */
export class Failure extends Error {
  /** The code of the node's error; undefined if no node has answered. */
  readonly code: string | undefined;

  constructor(message: string, code?: string) {
    super(message);
    this.code = code;
  }
}

/** The message of anything that was thrown. */
export const messageOf = (thrown: unknown): string =>
  thrown instanceof Error ? thrown.message : String(thrown);

/** An answer that has been read. */
export interface Answer {
  readonly status: number;
  readonly headers: Headers;
  readonly body: Uint8Array;
}

/** The parts of a request. */
export interface Sent {
  readonly method?: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: Uint8Array<ArrayBuffer> | string;
  /** The start of the paths of another server than the usual one. */
  readonly routes?: string | undefined;
  /** Statuses from 300 on that are no failure. */
  readonly expects?: readonly number[];
}

/** Sends a request to a path of the node. Rejects with `Failure`. */
export async function ask(
  path: string,
  { method = 'GET', headers = {}, body, routes = USUAL, expects = [] }: Sent = {},
): Promise<Answer> {
  const signal = AbortSignal.timeout(ANSWER_TIMEOUT_MS);
  let answer: Answer;
  try {
    const response = await fetch(routes + path, { method, headers, body: body ?? null, signal });
    answer = { status: response.status, headers: response.headers, body: await bodyOf(response) };
  } catch (thrown) {
    if (thrown instanceof Failure) throw thrown;
    const reason = signal.aborted
      ? `gave no answer within ${ANSWER_TIMEOUT_MS / 1000} s`
      : 'cannot be reached';
    throw new Failure(`The node ${reason}.`);
  }
  if (answer.status < 300 || expects.includes(answer.status)) return answer;
  throw failureOf(answer);
}

async function bodyOf(response: Response): Promise<Uint8Array> {
  const chunks: Uint8Array[] = [];
  let length = 0;
  const reader = response.body?.getReader();
  for (let read = await reader?.read(); read?.value !== undefined; read = await reader?.read()) {
    chunks.push(read.value);
    length += read.value.length;
    if (length <= MAX_READ_BYTES) continue;
    await reader?.cancel();
    throw new Failure(`The answer has more than ${MAX_READ_BYTES / 1e6} MB. Use the command line.`);
  }
  const whole = new Uint8Array(length);
  let at = 0;
  for (const chunk of chunks) {
    whole.set(chunk, at);
    at += chunk.length;
  }
  return whole;
}

/** The sentence of a problem document. */
function failureOf({ status, body }: Answer): Failure {
  try {
    const { title, detail, code } = JSON.parse(new TextDecoder().decode(body)) as {
      readonly title?: string;
      readonly detail?: string;
      readonly code?: string;
    };
    return new Failure([title, detail].filter(Boolean).join(': ') || `Status ${status}`, code);
  } catch {
    return new Failure(`The node answered with status ${status}.`);
  }
}

/** Asks for JSON. Rejects with `Failure`. */
export async function askJson<T>(path: string, sent?: Sent): Promise<T> {
  const { body } = await ask(path, sent);
  return JSON.parse(new TextDecoder().decode(body)) as T;
}

/**
 * A key as one segment of a path. Throws `Failure` for the two keys that a browser takes for steps
 * in a path.
 */
export function segmentOf(key: string): string {
  if (key !== '.' && key !== '..') return encodeURIComponent(key);
  throw new Failure(`A browser cannot send the key “${key}”. Use the command line.`);
}
