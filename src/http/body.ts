/** Reads request bodies from sockets, within limits. */
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Clock } from '../base/env.ts';
import { MecError } from '../base/errors.ts';
import type { BodyLoan } from './body-memory.ts';
import { Pace } from './pace.ts';

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
  /** Set for a large body, which must keep arriving. A small one must only arrive in time. */
  readonly clock?: Clock | undefined;
  /** The memory for a large body. */
  readonly loan?: BodyLoan | undefined;
}

/**
 * Reads the whole body. Rejects with `value-too-large` above `limit` bytes, and `request-timeout`
 * if it is too slow. Rejects with `overloaded` if there is no memory for it, and `bad-request` if
 * the client disconnects.
 */
export function readBody(
  request: IncomingMessage,
  response: ServerResponse,
  { limit, clock, loan }: BodyLimits,
): Promise<Uint8Array> {
  // The client may have disconnected while this request waited. Then no event would follow.
  if (request.destroyed) return Promise.reject(gone());
  askForBody(request, response);
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = [];
    let bytes = 0;
    let isOver = false;
    // The listeners stay and discard later data. To remove them would cost as much as a small body.
    const finish = (outcome: () => void): void => {
      if (isOver) return;
      isOver = true;
      pace?.stop();
      outcome();
    };
    const fail = (error: unknown): void => {
      finish(() => reject(error));
      request.resume();
    };
    const pace =
      clock === undefined
        ? undefined
        : new Pace(clock, () => fail(new MecError('request-timeout')));
    const onData = (chunk: Buffer): void => {
      if (isOver) return;
      bytes += chunk.length;
      pace?.got(chunk.length);
      if (isOver) return;
      if (bytes > limit) return fail(tooLarge(limit));
      chunks.push(chunk);
      const room = loan?.grow(chunk.length);
      if (room !== undefined) {
        request.pause();
        room.then(goOn, fail);
      } else if (!request.complete) pace?.wait();
    };
    const goOn = (): void => {
      request.resume();
      if (!isOver && !request.complete) pace?.wait();
    };
    const onEnd = (): void =>
      finish(() => resolve(chunks.length === 1 ? (chunks[0] as Buffer) : Buffer.concat(chunks)));
    const onGone = (): void => finish(() => reject(gone()));
    request.on('data', onData).on('end', onEnd).on('close', onGone).on('error', onGone);
    if (!request.complete) pace?.wait();
  });
}

/**
 * Reads the body in pieces, as they arrive and are taken. Throws `value-too-large` after `limit`
 * bytes, `request-timeout` if it is too slow, and `bad-request` if the client disconnects.
 */
export async function* readChunks(
  request: IncomingMessage,
  response: ServerResponse,
  { limit, clock }: BodyLimits,
): AsyncGenerator<Uint8Array> {
  if (request.destroyed) throw gone();
  askForBody(request, response);
  // A reader that stops early has an answer to send: the connection must stay.
  const chunks = request.iterator({ destroyOnReturn: false }) as AsyncGenerator<Buffer>;
  let onSlow: () => void = () => {};
  const pace = clock === undefined ? undefined : new Pace(clock, () => onSlow());
  const next = (): Promise<IteratorResult<Buffer>> =>
    new Promise((resolve, reject) => {
      onSlow = () => reject(new MecError('request-timeout'));
      pace?.wait();
      chunks.next().then(
        (piece) => {
          pace?.got(piece.done === true ? Infinity : piece.value.length);
          resolve(piece);
        },
        () => reject(gone()),
      );
    });
  try {
    for (let bytes = 0; ;) {
      const piece = await next();
      if (piece.done === true) return;
      bytes += piece.value.length;
      if (bytes > limit) throw tooLarge(limit);
      yield piece.value;
    }
  } finally {
    pace?.stop();
    // The rest is discarded. Otherwise the next request on the connection would wait behind it.
    chunks.return(undefined).then(
      () => request.resume(),
      () => {},
    );
  }
}

/** Answers `Expect: 100-continue`, now that the head is valid. HTTP/1.0 does not know that. */
function askForBody(
  { headers, httpVersionMinor }: IncomingMessage,
  response: ServerResponse,
): void {
  if (headers.expect !== undefined && httpVersionMinor > 0)
    if (headers.expect.toLowerCase() === '100-continue') response.writeContinue();
}

const gone = (): MecError =>
  new MecError('bad-request', { detail: 'The connection closed before the end of the body' });
