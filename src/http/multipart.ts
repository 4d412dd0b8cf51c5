/** `multipart/mixed` bodies (RFC 2046): CRLF framing, a closing boundary, byte-exact parts. */
/** One part: its headers, in order, and its bytes. */
export interface SentPart {
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Uint8Array;
}

/** Header values are what came in as bytes, one character a byte, and go out as the same bytes. */
const latin1 = (text: string): Uint8Array => Buffer.from(text, 'latin1');

/** The body of a multipart message. The boundary must not occur in any part; a random one does not. */
export function toMultipart(parts: readonly SentPart[], boundary: string): Uint8Array {
  const pieces: Uint8Array[] = [];
  for (const [i, { headers, body }] of parts.entries()) {
    const lines = Object.entries(headers).map(([name, value]) => `${name}: ${value}\r\n`);
    pieces.push(latin1(`${i === 0 ? '' : '\r\n'}--${boundary}\r\n${lines.join('')}\r\n`), body);
  }
  pieces.push(latin1(`\r\n--${boundary}--\r\n`));
  return Buffer.concat(pieces);
}
