/** Reads streams of bytes, up to a limit. */
import { MAX_ANSWER_BYTES } from './limits.ts';
import type { BodyReader, FetchResponse } from './world.ts';

/** A stream has more bytes than it may have. */
export class TooLargeError extends Error {}

/** All bytes of a body. Rejects with `TooLargeError` before more than the limit is in memory. */
export async function readAnswer({ headers, body }: FetchResponse): Promise<Uint8Array> {
  if (body === null) return new Uint8Array();
  const announced = Number(headers.get('content-length'));
  return readAll(body.getReader(), { most: MAX_ANSWER_BYTES, what: 'the answer', announced });
}

interface Limits {
  readonly most: number;
  /** The stream, as the error names it. */
  readonly what: string;
  /** The length that was announced. */
  readonly announced?: number;
}

/** All bytes of a stream. Rejects with `TooLargeError` if they exceed the limit. */
export async function readAll(
  reader: BodyReader,
  { most, what, announced = 0 }: Limits,
): Promise<Uint8Array> {
  const pieces: Uint8Array[] = [];
  let length = 0;
  for (;;) {
    // A body that `fetch` decodes may be longer than announced, and some announce nothing.
    if (Math.max(announced, length) > most) {
      // The connection may be cut, which is no news any more.
      reader.cancel().catch(() => {});
      throw new TooLargeError(`${what} has more than ${most} bytes`);
    }
    const { done, value } = await reader.read();
    if (done === true) break;
    if (value === undefined) continue;
    pieces.push(value);
    length += value.length;
  }
  const [only] = pieces;
  if (only !== undefined && pieces.length === 1) return only;
  const whole = new Uint8Array(length);
  let at = 0;
  for (const piece of pieces) {
    whole.set(piece, at);
    at += piece.length;
  }
  return whole;
}
