/** One request to one node. */
import type { ErrorCode } from '../base/errors.ts';
import { problemType } from '../base/problem-type.ts';
import { httpDateToMicros } from '../base/system.ts';
import { MAX_TIMEOUT_MS } from '../core/limits.ts';
import { readAnswer, TooLargeError } from './answer-body.ts';
import { clientError, type ClientErrorDetails, type MecClientError } from './client-error.ts';
import { CLIENT_SERVER_SHARE } from './limits.ts';
import type { ClientWorld, FetchInit, FetchResponse } from './world.ts';

/** A request that any node can serve. */
export interface ClientRequest {
  readonly method: 'GET' | 'PUT' | 'POST' | 'DELETE';
  /** The path of the URL, from the first slash. */
  readonly path: string;
  readonly query: Readonly<Record<string, string | number | undefined>>;
  readonly headers: Record<string, string>;
  readonly body?: Uint8Array | undefined;
  /** Whether it changes nothing, whatever its method. By default only a GET changes nothing. */
  readonly isRead?: boolean | undefined;
}

/** Whether a request changes nothing. */
export const isReadCall = ({ method, isRead = method === 'GET' }: ClientRequest): boolean => isRead;

/** A complete answer. */
export interface ClientAnswer {
  readonly status: number;
  readonly headers: FetchResponse['headers'];
  readonly body: Uint8Array;
}

/**
 * The statuses of a good answer. A 404 is one too, if it means a key without a value. Only a 204
 * says that a key was deleted: a proxy or a login page may answer 200 to anything.
 */
const GOOD: Readonly<Record<ClientRequest['method'], readonly number[]>> = {
  GET: [200, 300],
  PUT: [200],
  POST: [200, 202],
  DELETE: [204],
};

/** The reasons of a failed `fetch` that has sent nothing. Only Node.js tells them. */
const NOT_CONNECTED: ReadonlySet<string> = new Set(['ECONNREFUSED', 'ENOTFOUND', 'EAI_AGAIN']);

/** The reasons of a failed `fetch` whose answer had more headers than the platform takes. */
const LONG_HEADERS: ReadonlySet<string> = new Set([
  'UND_ERR_HEADERS_OVERFLOW',
  'HPE_HEADER_OVERFLOW',
]);

/**
 * Sends one request to one node. Rejects with a `MecClientError`, which says whether this attempt
 * of a write may have taken effect.
 */
export async function attempt(
  world: ClientWorld,
  url: string,
  { call, attemptMs, signal }: { call: ClientRequest; attemptMs: number; signal: AbortSignal },
): Promise<ClientAnswer> {
  const query = new URLSearchParams();
  const timeout = Math.min(
    Math.max(1, Math.floor(attemptMs * CLIENT_SERVER_SHARE)),
    MAX_TIMEOUT_MS,
  );
  for (const [name, value] of Object.entries({ timeout, ...call.query })) {
    if (value !== undefined) query.set(name, String(value));
  }
  const { method, path, headers, body } = call;
  const isWrite = !isReadCall(call);
  let answer: ClientAnswer;
  try {
    const init: FetchInit = {
      method,
      headers,
      signal,
      redirect: 'manual',
      ...(body === undefined ? {} : { body }),
    };
    const response = await world.fetch(`${url}${path}?${query.toString()}`, init);
    const { status, headers: answered } = response;
    answer = { status, headers: answered, body: await readAnswer(response) };
  } catch (cause) {
    if (signal.aborted)
      throw clientError('deadline', {
        detail: `${url} did not answer within ${Math.round(attemptMs)} ms`,
        mayTakeEffect: isWrite,
        cause,
      });
    // The node has answered, and would answer so again.
    if (cause instanceof TooLargeError || LONG_HEADERS.has(codeOf(cause)))
      throw oddAnswer(`${url} gave an answer that is too large: ${reasonOf(cause)}`, {
        isWrite,
        cause,
      });
    throw clientError('unreachable', {
      detail: `${url} is unreachable: ${reasonOf(cause)}`,
      mayTakeEffect: isWrite && !NOT_CONNECTED.has(codeOf(cause)),
      cause,
    });
  }
  return accept(url, answer, { method, isWrite, nowMicros: world.clock.wallMicros() });
}

/** The circumstances of an answer. */
interface Answered {
  readonly method: ClientRequest['method'];
  readonly isWrite?: boolean;
  readonly nowMicros: number;
}

/** Returns a good answer. Throws the `MecClientError` of any other. */
export function accept(
  from: string,
  answer: ClientAnswer,
  { method, isWrite = method !== 'GET', nowMicros }: Answered,
): ClientAnswer {
  if (GOOD[method].includes(answer.status)) return answer;
  const error = errorOf(from, answer, { isWrite, nowMicros });
  if (error.code === 'not-found' && answer.status === 404) return answer;
  throw error;
}

/** Whether nothing of a request was sent, because no connection could be opened. */
export const isRefused = ({ code, cause }: MecClientError): boolean =>
  code === 'unreachable' && NOT_CONNECTED.has(codeOf(cause));

type OddDetails = Omit<ClientErrorDetails, 'detail' | 'mayTakeEffect'> & {
  readonly isWrite: boolean;
};

/**
 * The error of an answer that no node gives. If it answers a write, a node behind the stranger may
 * have the write.
 */
export const oddAnswer = (detail: string, { isWrite, ...details }: OddDetails): MecClientError =>
  clientError('bad-answer', { retriable: false, ...details, detail, mayTakeEffect: isWrite });

/** The code of a system error: that of the cause if `fetch` itself has failed; or empty. */
function codeOf(thrown: unknown): string {
  if (!(thrown instanceof Error)) return '';
  const { code } = (thrown.cause ?? thrown) as { code?: unknown };
  return typeof code === 'string' ? code : '';
}

/** In Node, the reason for a failed `fetch` is the cause of its error. */
function reasonOf(thrown: unknown): string {
  if (!(thrown instanceof Error)) return String(thrown);
  const cause = thrown.cause as { code?: string; message?: string } | undefined;
  return cause?.code ?? cause?.message ?? thrown.message;
}

function errorOf(
  url: string,
  { status, headers, body }: ClientAnswer,
  { isWrite, nowMicros }: { readonly isWrite: boolean; readonly nowMicros: number },
): MecClientError {
  const retryAfterMs = retryAfterOf(headers.get('retry-after'), nowMicros);
  const problem = problemOf(status, body);
  const { code, detail, have, need, mayTakeEffect = status >= 500 } = problem ?? {};
  if (code !== undefined) {
    const outcome = { mayTakeEffect: isWrite && mayTakeEffect !== false };
    return clientError(code, { status, detail, have, need, retryAfterMs, ...outcome });
  }
  // A browser hides the status of a redirect.
  const isRedirect = status === 0 || (status > 300 && status < 400);
  const what = isRedirect
    ? 'a redirect, which the client does not follow'
    : `status ${status} but no error code of MecDB`;
  // A proxy does not know whether the node behind it has the write. It may reach a node later.
  const retry = { retriable: status >= 500, retryAfterMs };
  return oddAnswer(`${url} answered with ${what}`, { status, isWrite, ...retry });
}

/** The fields of a problem document that the client reads. */
interface ClientProblem {
  readonly code?: ErrorCode;
  readonly detail?: string;
  readonly have?: number;
  readonly need?: number;
  readonly mayTakeEffect?: unknown;
}

/**
 * The problem document of a node; undefined if the body is none. Other servers have errors with a
 * `code`, too, so the type must name it.
 */
function problemOf(status: number, body: Uint8Array): ClientProblem | undefined {
  try {
    const problem = JSON.parse(new TextDecoder().decode(body)) as Record<string, unknown>;
    const { type, code, status: said } = problem;
    const isOurs = typeof code === 'string' && type === problemType(code) && said === status;
    return isOurs ? problem : undefined;
  } catch {
    return undefined;
  }
}

/**
 * The pause in ms that a node asks for: seconds, as nodes write it, or a date (RFC 9110, 10.2.3).
 */
function retryAfterOf(text: string | null, nowMicros: number): number | undefined {
  if (text === null) return undefined;
  if (/^\d{1,9}$/.test(text)) return 1000 * Number(text);
  const micros = httpDateToMicros(text);
  return micros === undefined ? undefined : Math.max(0, (micros - nowMicros) / 1000);
}
