/** Reads streams of bytes, up to a limit, and documents in them. */
import { bytesToUtf8 } from '../base/bytes.ts';
import { MAX_ANSWER_BYTES } from './limits.ts';
import type { BodyReader, FetchResponse } from './world.ts';

/** All bytes of a body; undefined if there are more than the limit. */
export async function readAnswer({
  headers,
  body,
}: FetchResponse): Promise<Uint8Array | undefined> {
  if (body === null) return new Uint8Array();
  return readAll(body.getReader(), MAX_ANSWER_BYTES, Number(headers.get('content-length')));
}

/**
 * All bytes of a stream. Returns undefined before more than `most` bytes are in memory, or if more
 * are announced.
 */
export async function readAll(
  reader: BodyReader,
  most: number,
  announced = 0,
): Promise<Uint8Array | undefined> {
  const pieces: Uint8Array[] = [];
  let length = 0;
  for (;;) {
    // A body that `fetch` decodes may be longer than announced, and some announce nothing.
    if (Math.max(announced, length) > most) {
      // The connection may be cut, which is no news any more.
      reader.cancel().catch(() => {});
      return undefined;
    }
    const { done, value } = await reader.read();
    if (done === true) break;
    if (value === undefined) continue;
    pieces.push(value);
    length += value.length;
  }
  // Most answers arrive in one piece.
  if (pieces.length === 1) return pieces[0];
  return new Uint8Array(await new Blob(pieces).arrayBuffer());
}

/** The fields of a document in JSON; none if the body is no document. */
export function documentOf(body: Uint8Array): Readonly<Record<string, unknown>> {
  try {
    return Object(JSON.parse(bytesToUtf8(body) ?? '')) as Record<string, unknown>;
  } catch {
    return {};
  }
}
