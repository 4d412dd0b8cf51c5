/** Removes the `Content-Encoding` of a value (RFC 9110, 8.4.1), by the platform's own decoders. */
import { readAll } from './answer-body.ts';
import { MAX_DECODED_BYTES } from './limits.ts';

/**
 * Returns the decoded bytes. Rejects if the platform does not know the coding, if the bytes are
 * malformed, or if the result has more than `MAX_DECODED_BYTES` bytes.
 */
export async function decodeContent(bytes: Uint8Array, coding: string): Promise<Uint8Array> {
  const name = coding.trim().toLowerCase();
  if (name === 'identity') return bytes;
  // The platform has other names for two of them, and throws a `TypeError` if it has none.
  const format = name === 'br' ? 'brotli' : name.replace(/^x-/, '');
  const stream = new Blob([bytes]).stream();
  const decoder = new DecompressionStream(format as 'gzip');
  const decoded = await readAll(stream.pipeThrough(decoder).getReader(), MAX_DECODED_BYTES);
  if (decoded === undefined)
    throw new TypeError(`the decoded value has more than ${MAX_DECODED_BYTES} bytes`);
  return decoded;
}
