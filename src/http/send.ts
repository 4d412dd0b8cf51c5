/** Sends answers that are whole in memory. */
import { announcedBytes } from './body.ts';
import { withJoinedVary } from './cors.ts';
import type { HttpAnswer } from './exchange.ts';
import { guard } from './guards.ts';
import { HTTP_ONE_WRITE_BYTES, MAX_HTTP_DRAIN_BYTES } from './limits.ts';
import type { Exchange } from './stream.ts';

/** Sends an answer without a stream. */
export function send({ req, res }: Exchange, { status, headers: own, body }: HttpAnswer): void {
  if (res.destroyed || res.headersSent) return;
  const headers = withJoinedVary(res, own);
  if (!req.complete && mustLeaveRest(req, status)) res.setHeader('Connection', 'close');
  if (body === undefined) {
    res.writeHead(status, headers).end();
    return;
  }
  if (body.length > 0) guard(headers, res);
  headers['Content-Length'] = String(body.length);
  res.writeHead(status, headers);
  if (req.method === 'HEAD' || body.length === 0) res.end();
  else if (body.length > HTTP_ONE_WRITE_BYTES) res.end(body);
  // As text, a small body leaves in one write with its head.
  else res.end(Buffer.from(body.buffer, body.byteOffset, body.length).toString('latin1'), 'latin1');
}

/**
 * Whether the rest of a body stays unread. Otherwise it is discarded, so that the client reads the
 * answer. A rest that is too large or too slow is not read, and none of a stranger.
 */
function mustLeaveRest(req: Exchange['req'], status: number): boolean {
  const announced = announcedBytes(req) ?? Infinity;
  return status === 408 || announced > MAX_HTTP_DRAIN_BYTES || (status === 401 && announced > 0);
}
