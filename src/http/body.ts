/** Reads request bodies from sockets, within limits. */
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Clock, Timer } from '../base/env.ts';
import { MecError } from '../base/errors.ts';
import { HTTP_BODY_STALL_MS } from './limits.ts';

/** The length of the body that the head announces; undefined if it announces none. */
export function announcedBytes(request: IncomingMessage): number | undefined {
  const length = request.headers['content-length'];
  return length === undefined
    ? request.headers['transfer-encoding'] === undefined
      ? 0
      : undefined
    : Number(length);
}

/** The error of a body above the limit. */
export function tooLarge(limit: number): MecError {
  return new MecError('value-too-large', {
    limit,
    detail: `Values under this key may have ${limit} bytes (maxvalue)`,
  });
}

/** The limits for reading a body. */
export interface BodyLimits {
  readonly limit: number;
  /**
   * Set for a large body, which must keep arriving. A small one must only arrive within the time of
   * its whole request.
   */
  readonly stallClock: Clock | undefined;
}

/**
 * Reads the whole body. Rejects with `value-too-large` above `limit` bytes, `request-timeout` if it
 * stalls, and `bad-request` if the client disconnects.
 */
export function readBody(
  request: IncomingMessage,
  response: ServerResponse,
  { limit, stallClock }: BodyLimits,
): Promise<Uint8Array> {
  // The client may have disconnected while this request waited. Then no event would follow.
  if (request.destroyed) return Promise.reject(gone());
  // A client that sent `Expect: 100-continue` gets its answer now that there is room and the head
  // is valid.
  if (request.headers.expect?.toLowerCase() === '100-continue') response.writeContinue();
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = [];
    let bytes = 0;
    let stall: Timer | undefined;
    let isOver = false;
    // The listeners stay and discard later data. To remove them would cost as much as a small body.
    const finish = (outcome: () => void): void => {
      if (isOver) return;
      isOver = true;
      stall?.cancel();
      outcome();
    };
    const watch = (): void => {
      if (stallClock === undefined) return;
      stall?.cancel();
      stall = stallClock.after(HTTP_BODY_STALL_MS, () =>
        finish(() => reject(new MecError('request-timeout'))),
      );
    };
    const onData = (chunk: Buffer): void => {
      if (isOver) return;
      bytes += chunk.length;
      if (bytes > limit) return finish(() => reject(tooLarge(limit)));
      chunks.push(chunk);
      if (!request.complete) watch();
    };
    const onEnd = (): void =>
      finish(() => resolve(chunks.length === 1 ? (chunks[0] as Buffer) : Buffer.concat(chunks)));
    const onGone = (): void => finish(() => reject(gone()));
    request.on('data', onData).on('end', onEnd).on('close', onGone).on('error', onGone);
    if (!request.complete) watch();
  });
}

/**
 * Reads the body in pieces, as they arrive and are taken. Throws `value-too-large` after `limit`
 * bytes, `request-timeout` if it stalls, and `bad-request` if the client disconnects.
 */
export async function* readChunks(
  request: IncomingMessage,
  response: ServerResponse,
  { limit, stallClock }: BodyLimits,
): AsyncGenerator<Uint8Array> {
  if (request.destroyed) throw gone();
  if (request.headers.expect?.toLowerCase() === '100-continue') response.writeContinue();
  // A reader that stops early has an answer to send: the connection must stay.
  const chunks = request.iterator({ destroyOnReturn: false }) as AsyncGenerator<Buffer>;
  try {
    for (let bytes = 0; ;) {
      const next = await inTime(chunks.next(), stallClock);
      if (next.done === true) return;
      bytes += next.value.length;
      if (bytes > limit) throw tooLarge(limit);
      yield next.value;
    }
  } finally {
    // The rest is discarded. Otherwise the next request on the connection would wait behind it.
    chunks.return(undefined).then(
      () => request.resume(),
      () => {},
    );
  }
}

/** The next piece, or the error if it does not come. */
function inTime<Piece>(piece: Promise<Piece>, clock: Clock | undefined): Promise<Piece> {
  return new Promise((resolve, reject) => {
    const stall = clock?.after(HTTP_BODY_STALL_MS, () => reject(new MecError('request-timeout')));
    piece.then(resolve, () => reject(gone())).finally(() => stall?.cancel());
  });
}

const gone = (): MecError =>
  new MecError('bad-request', { detail: 'The connection closed before the end of the body' });
