/** One request to one node. */
import type { ErrorCode } from '../base/errors.ts';
import { problemType } from '../base/problem-type.ts';
import { textToMillis } from '../base/system.ts';
import { documentOf, readAnswer } from './answer-body.ts';
import { clientError, type ClientErrorDetails, type MecClientError } from './client-error.ts';
import { CLIENT_SERVER_SHARE, MAX_TIMEOUT_MS } from './limits.ts';
import type { ClientWorld, FetchResponse } from './world.ts';

/** Values by name. */
export type RequestFields = Readonly<Record<string, string | number | undefined>>;

/** The fields that have a value, as texts. */
export const textsOf = (fields: RequestFields = {}): [name: string, text: string][] =>
  Object.entries(fields).flatMap(([name, value]) =>
    value === undefined ? [] : [[name, String(value)]],
  );

/** A request that any node can serve. */
export interface ClientRequest {
  readonly method: 'GET' | 'PUT' | 'POST' | 'DELETE';
  /** The path of the URL, from the first slash. */
  readonly path: string;
  /** Parameters and headers; those that are undefined are not sent. */
  readonly query?: RequestFields | undefined;
  readonly headers?: RequestFields | undefined;
  readonly body?: Uint8Array | undefined;
  /** Whether it changes nothing, whatever its method. By default only a GET changes nothing. */
  readonly isRead?: boolean | undefined;
}

/** The part of a request that gives its answer a meaning. */
export type AskedCall = Pick<ClientRequest, 'method' | 'isRead'>;

/** Whether a request changes nothing. */
export const isReadCall = ({ method, isRead = method === 'GET' }: AskedCall): boolean => isRead;

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
const NOT_CONNECTED = /^(?:ECONNREFUSED|ENOTFOUND|EAI_AGAIN)$/;

/** The reasons of a failed `fetch` whose answer had more headers than the platform takes. */
const LONG_HEADERS = /^(?:UND_ERR_HEADERS|HPE_HEADER)_OVERFLOW$/;

/**
 * Sends one request to one node. Rejects with a `MecClientError`, which says whether this attempt
 * of a write may have taken effect.
 */
export async function attempt(
  world: ClientWorld,
  url: string,
  { call, attemptMs, signal }: { call: ClientRequest; attemptMs: number; signal: AbortSignal },
): Promise<ClientAnswer> {
  const timeout = Math.min(
    Math.max(1, Math.floor(attemptMs * CLIENT_SERVER_SHARE)),
    MAX_TIMEOUT_MS,
  );
  const query = new URLSearchParams(textsOf({ timeout, ...call.query })).toString();
  const headers = Object.fromEntries(textsOf(call.headers));
  const { method, path, body } = call;
  const isWrite = !isReadCall(call);
  let response: FetchResponse | undefined;
  let read: Uint8Array | undefined;
  try {
    const init = { method, headers, body, signal, redirect: 'manual' } as const;
    response = await world.fetch(`${url}${path}?${query}`, init);
    read = await readAnswer(response);
  } catch (cause) {
    const { code = '', message } = reasonOf(cause);
    if (signal.aborted)
      throw clientError('deadline', {
        detail: `${url} did not answer within ${Math.round(attemptMs)} ms`,
        mayTakeEffect: isWrite,
        cause,
      });
    if (!LONG_HEADERS.test(code))
      throw clientError('unreachable', {
        detail: `${url} is unreachable: ${code || message}`,
        mayTakeEffect: isWrite && !NOT_CONNECTED.test(code),
        cause,
      });
  }
  // The node has answered, and would answer so again.
  if (response === undefined || read === undefined)
    throw oddAnswer(`${url} gave an answer that is too large`, call);
  const { status, headers: answered } = response;
  return accept(world, url, call, { status, headers: answered, body: read });
}

/** Returns a good answer to a request. Throws the `MecClientError` of any other. */
export function accept(
  { clock }: Pick<ClientWorld, 'clock'>,
  from: string,
  asked: AskedCall,
  answer: ClientAnswer,
): ClientAnswer {
  const { status, headers, body } = answer;
  if (GOOD[asked.method].includes(status)) return answer;
  const problem = problemOf(status, body);
  if (status === 404 && problem?.code === 'not-found') return answer;
  const retryAfterMs = retryAfterOf(headers.get('retry-after'), clock);
  if (problem !== undefined) {
    const { code, detail, have, need, mayTakeEffect = status >= 500 } = problem;
    const outcome = { mayTakeEffect: !isReadCall(asked) && mayTakeEffect !== false };
    throw clientError(code, { status, detail, have, need, retryAfterMs, ...outcome });
  }
  // A browser hides the status of a redirect.
  const isRedirect = status === 0 || (status > 300 && status < 400);
  const what = isRedirect
    ? 'a redirect, which the client does not follow'
    : `status ${status} but no error code of MecDB`;
  // A proxy does not know whether the node behind it has the write. It may reach a node later.
  const retry = { retriable: status >= 500, retryAfterMs };
  throw oddAnswer(`${from} answered with ${what}`, asked, { status, ...retry });
}

/** Whether nothing of a request was sent, because no connection could be opened. */
export const isRefused = ({ code, cause }: MecClientError): boolean =>
  code === 'unreachable' && NOT_CONNECTED.test(reasonOf(cause).code ?? '');

/**
 * The error of an answer that no node gives. If it answers a write, a node behind the stranger may
 * have the write.
 */
export const oddAnswer = (
  detail: string,
  asked: AskedCall,
  details?: ClientErrorDetails,
): MecClientError =>
  clientError('bad-answer', {
    retriable: false,
    ...details,
    detail,
    mayTakeEffect: !isReadCall(asked),
  });

/** The reason of a failed `fetch`. In Node it is the cause of the error. */
function reasonOf(thrown: unknown): { readonly code?: string; readonly message?: string } {
  const { cause = thrown } = Object(thrown) as { cause?: unknown };
  return Object(cause) as object;
}

/** The fields of a problem document that the client reads. */
interface ClientProblem {
  readonly code: ErrorCode;
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
  const problem = documentOf(body);
  const { type, code, status: said } = problem;
  const isOurs = typeof code === 'string' && type === problemType(code) && said === status;
  return isOurs ? (problem as unknown as ClientProblem) : undefined;
}

/**
 * The pause in ms that a node asks for: seconds, as nodes write it, or a date (RFC 9110, 10.2.3).
 */
function retryAfterOf(text: string | null, clock: ClientWorld['clock']): number | undefined {
  if (text === null) return undefined;
  const seconds = Number(text);
  if (seconds >= 0) return 1000 * seconds;
  const dateMs = textToMillis(text);
  return dateMs === undefined ? undefined : Math.max(0, dateMs - clock.wallMicros() / 1000);
}
