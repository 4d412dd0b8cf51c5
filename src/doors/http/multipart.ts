/** `multipart/mixed` bodies (RFC 2046): CRLF framing, a closing boundary, byte-exact parts. */
import { utf8ToBytes } from '../../base/bytes.ts';

/** One part: its headers, in order, and its bytes. */
export interface Part {
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Uint8Array;
}

/** The body of a multipart message. The boundary must not occur in any part; a random one does not. */
export function toMultipart(parts: readonly Part[], boundary: string): Uint8Array {
  const pieces: Uint8Array[] = [];
  for (const [i, { headers, body }] of parts.entries()) {
    const lines = Object.entries(headers).map(([name, value]) => `${name}: ${value}\r\n`);
    pieces.push(utf8ToBytes(`${i === 0 ? '' : '\r\n'}--${boundary}\r\n${lines.join('')}\r\n`), body);
  }
  pieces.push(utf8ToBytes(`\r\n--${boundary}--\r\n`));
  return Buffer.concat(pieces);
}
