/** Forwards a request of the page of `mec dev` to a node, and the node's answer to the page. */
import { type IncomingMessage, request as requestHttp, type ServerResponse } from 'node:http';
import { request as requestHttps } from 'node:https';
import { pipeline } from 'node:stream/promises';
import { MecError, messageOf } from '../base/errors.ts';
import { type CliCredentials, proofOf } from './credentials.ts';
import { DEV_FORWARD_TIMEOUT_MS } from './limits.ts';

/** The headers that the page sends and a node reads. Those about the page's origin stay here. */
const SENT = /^(?:accept|accept-encoding|content-(?:type|length|encoding)|x-mec-.*)$/;

/** The headers of a connection, which are not those of the answer (RFC 9110, 7.6.1). */
const OF_CONNECTION = /^(?:connection|keep-alive|transfer-encoding)$/;

/** A request for a node, and the credentials of the command there. */
export interface Forward {
  readonly url: string;
  readonly path: string;
  readonly proofs: CliCredentials;
}

/** Forwards a request. Rejects with `unreachable` if the node gives no answer. */
export async function forwardTo(
  { url, path, proofs }: Forward,
  { req, res }: { readonly req: IncomingMessage; readonly res: ServerResponse },
): Promise<void> {
  const sent = Object.entries(req.headers).filter(([name]) => SENT.test(name));
  const { ca } = proofs;
  const isSecured = url.startsWith('https:');
  const outgoing = (isSecured ? requestHttps : requestHttp)(url, {
    method: req.method,
    path,
    headers: { ...Object.fromEntries(sent), ...(isSecured && proofOf(proofs)) },
    timeout: DEV_FORWARD_TIMEOUT_MS,
    ...(isSecured && { ca }),
  });
  outgoing.once('timeout', () => outgoing.destroy(new Error('it gave no answer in time')));
  res.once('close', () => outgoing.destroy());
  try {
    const answered = new Promise<IncomingMessage>((resolve, reject) => {
      outgoing.once('response', resolve);
      outgoing.on('error', reject);
    });
    req.pipe(outgoing);
    const answer = await answered;
    const kept = Object.entries(answer.headers).filter(([name]) => !OF_CONNECTION.test(name));
    res.writeHead(answer.statusCode ?? 0, Object.fromEntries(kept));
    await pipeline(answer, res);
  } catch (error) {
    if (res.headersSent) res.destroy();
    else
      throw new MecError('unreachable', {
        detail: `The node cannot be reached: ${messageOf(error)}`,
      });
  }
}
