/** Reads request bodies from sockets, within bounds. */
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Clock, Timer } from '../base/env.ts';
import { MecError } from '../base/errors.ts';
import { HTTP_BODY_STALL_MS } from './limits.ts';

/** How many bytes the head of a request announces, or undefined where it does not say. */
export function announcedBytes(request: IncomingMessage): number | undefined {
  const length = request.headers['content-length'];
  return length === undefined ? (request.headers['transfer-encoding'] === undefined ? 0 : undefined) : Number(length);
}

/** The error of a body over the limit. */
export function tooLarge(limit: number): MecError {
  return new MecError('value-too-large', { limit, detail: `The value is larger than ${limit} bytes` });
}

/** How a body may be read. */
export interface BodyLimits {
  readonly limit: number;
  /** For a body that must keep on arriving; a small one only has to be there in the time of its whole request. */
  readonly stallClock: Clock | undefined;
}

/**
 * Reads the whole body; rejects with `value-too-large` past `limit` bytes, `request-timeout` where
 * it stalls, and `bad-request` where the client goes away.
 */
export function readBody(
  request: IncomingMessage,
  response: ServerResponse,
  { limit, stallClock }: BodyLimits,
): Promise<Uint8Array> {
  // The client may have gone while this waited for its turn; then nothing would ever come.
  if (request.destroyed) return Promise.reject(gone());
  // A client that asked first is told to go on only now, when there is room and the head is known to be good.
  if (request.headers.expect?.toLowerCase() === '100-continue') response.writeContinue();
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = [];
    let bytes = 0;
    let stall: Timer | undefined;
    let isOver = false;
    // The listeners stay: what comes after the end of it is thrown away, and taking them off costs
    // as much as a small body.
    const finish = (outcome: () => void): void => {
      if (isOver) return;
      isOver = true;
      stall?.cancel();
      outcome();
    };
    const watch = (): void => {
      if (stallClock === undefined) return;
      stall?.cancel();
      stall = stallClock.after(HTTP_BODY_STALL_MS, () => finish(() => reject(new MecError('request-timeout'))));
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

const gone = (): MecError => new MecError('bad-request', { detail: 'The body ended too early' });
