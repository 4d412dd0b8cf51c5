/** Removes the `Content-Encoding` of a value (RFC 9110, 8.4.1), by the platform's own decoders. */
import { readAll } from './answer-body.ts';
import { MAX_DECODED_BYTES } from './limits.ts';

/** The platform's name of each coding. Not every platform supports all of them. */
const FORMATS: Readonly<Record<string, string>> = {
  gzip: 'gzip',
  'x-gzip': 'gzip',
  deflate: 'deflate',
  br: 'brotli',
  zstd: 'zstd',
};

/**
 * Returns the decoded bytes. Rejects if the coding is unknown here, if the bytes are malformed, or
 * if the result has more than `MAX_DECODED_BYTES` bytes.
 */
export async function decodeContent(
  bytes: Uint8Array,
  coding: string | undefined,
): Promise<Uint8Array> {
  const name = coding?.trim().toLowerCase() ?? 'identity';
  if (name === 'identity') return bytes;
  const stream = new Blob([bytes as Uint8Array<ArrayBuffer>]).stream().pipeThrough(decoderOf(name));
  return readAll(stream.getReader(), { most: MAX_DECODED_BYTES, what: 'the decoded value' });
}

function decoderOf(name: string): DecompressionStream {
  const format = Object.hasOwn(FORMATS, name) ? FORMATS[name] : undefined;
  try {
    if (format !== undefined) return new DecompressionStream(format as 'gzip');
  } catch {
    // The standard has this coding, but the platform does not support it.
  }
  throw new TypeError(
    `this platform does not support the Content-Encoding ${JSON.stringify(name)}`,
  );
}
