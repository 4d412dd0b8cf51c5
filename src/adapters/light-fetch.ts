/**
 * A `fetch` on node:http. Node's own `fetch` takes no authority or certificate of its caller. And
 * it takes a tenth of a second to load, far longer than a single `mec get`.
 */
import { type IncomingMessage, request as requestHttp } from 'node:http';
import { request as requestHttps } from 'node:https';
import type { FetchInit, FetchResponse } from '../client/world.ts';

/** The certificates of a connection, as PEM. */
export interface TlsProofs {
  /** The authority of the server, if it is not one that all programs know. */
  readonly ca?: string | undefined;
  /** The certificate of this client, and its key. */
  readonly cert?: string | undefined;
  readonly key?: string | undefined;
}

/**
 * Sends one request as `fetch` does, but does not decode the body, whatever its Content-Encoding
 * is. Connections stay open for the next requests with the same certificates.
 */
export function lightFetch(
  url: string,
  { method, headers, body, signal }: FetchInit,
  proofs: TlsProofs = {},
): Promise<FetchResponse> {
  return new Promise((resolve, reject) => {
    const request = url.startsWith('https:') ? requestHttps : requestHttp;
    const length = body === undefined ? {} : { 'Content-Length': String(body.length) };
    const sent = request(
      url,
      { method, headers: { ...headers, ...length }, signal, ...proofs },
      (response) => {
        resolve({
          status: response.statusCode ?? 0,
          headers: headersOf(response),
          body: bodyOf(response),
        });
      },
    );
    sent.on('error', reject);
    sent.end(body);
  });
}

function headersOf({ headers }: IncomingMessage): FetchResponse['headers'] {
  const textOf = (value: string | string[] | undefined): string | null =>
    value === undefined ? null : Array.isArray(value) ? value.join(', ') : value;
  return {
    get: (name) => textOf(headers[name]),
    forEach: (look) => {
      for (const [name, value] of Object.entries(headers)) look(textOf(value) ?? '', name);
    },
  };
}

function bodyOf(response: IncomingMessage): NonNullable<FetchResponse['body']> {
  const pieces = response[Symbol.asyncIterator]() as AsyncIterator<Buffer>;
  const cancel = async (): Promise<void> => void response.destroy();
  return { getReader: () => ({ read: () => pieces.next(), cancel }) };
}
