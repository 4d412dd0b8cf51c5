/** Takes the `Content-Encoding` off a value (RFC 9110, 8.4.1), with what the platform brings along. */
import { MAX_DECODED_BYTES } from './limits.ts';

/** The platform's names of the codings; one that it does not know it refuses. */
const FORMATS: Readonly<Record<string, string>> = {
  gzip: 'gzip',
  'x-gzip': 'gzip',
  deflate: 'deflate',
  br: 'brotli',
  zstd: 'zstd',
};

/** The bytes without their coding; rejects where it is unknown here, or they are not in it, or would be too many. */
export async function decodeContent(bytes: Uint8Array, coding: string | undefined): Promise<Uint8Array> {
  const name = coding?.trim().toLowerCase() ?? 'identity';
  if (name === 'identity') return bytes;
  const stream = new Blob([bytes as Uint8Array<ArrayBuffer>]).stream().pipeThrough(decoderOf(name));
  const chunks: Uint8Array[] = [];
  let length = 0;
  for (const reader = stream.getReader(); ;) {
    const { done, value } = await reader.read();
    if (done) break;
    chunks.push(value);
    length += value.length;
    if (length > MAX_DECODED_BYTES) {
      await reader.cancel();
      throw new RangeError(`decoded, it has more than ${MAX_DECODED_BYTES} bytes`);
    }
  }
  const decoded = new Uint8Array(length);
  let at = 0;
  for (const chunk of chunks) {
    decoded.set(chunk, at);
    at += chunk.length;
  }
  return decoded;
}

function decoderOf(name: string): DecompressionStream {
  const format = Object.hasOwn(FORMATS, name) ? FORMATS[name] : undefined;
  try {
    if (format !== undefined) return new DecompressionStream(format as 'gzip');
  } catch {
    // Named by the standard, and not known to this platform.
  }
  throw new TypeError(`its Content-Encoding is ${JSON.stringify(name)}, which is not known here`);
}
