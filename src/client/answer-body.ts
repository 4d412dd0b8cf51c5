/** Reads the body of an answer, up to a limit. */
import { MAX_ANSWER_BYTES } from './limits.ts';
import type { FetchResponse } from './world.ts';

/** The body of an answer has more bytes than any answer of a node. */
export class TooLargeError extends Error {}

/** All bytes of a body. Rejects with `TooLargeError` before more than the limit is in memory. */
export async function readAnswer({ headers, body }: FetchResponse): Promise<Uint8Array> {
  if (body === null) return new Uint8Array();
  const reader = body.getReader();
  const pieces: Uint8Array[] = [];
  let length = 0;
  const announced = Number(headers.get('content-length'));
  for (;;) {
    // A body that `fetch` decodes may be longer than announced, and some announce nothing.
    if (Math.max(announced, length) > MAX_ANSWER_BYTES) {
      // The connection may be cut, which is no news any more.
      reader.cancel().catch(() => {});
      throw new TooLargeError(`the answer has more than ${MAX_ANSWER_BYTES} bytes`);
    }
    const { done, value } = await reader.read();
    if (done === true) return joined(pieces, length);
    if (value === undefined) continue;
    pieces.push(value);
    length += value.length;
  }
}

function joined(pieces: readonly Uint8Array[], length: number): Uint8Array {
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
