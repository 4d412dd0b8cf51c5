/**
 * Bodies of type `multipart/mixed` (RFC 2046): CRLF line ends, a closing boundary, and parts exact
 * to the byte.
 */

/** One part: its headers, in order, and its bytes. */
export interface SentPart {
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Uint8Array;
}

/** Header values arrived as bytes, one character for each byte. They leave as the same bytes. */
const latin1 = (text: string): Uint8Array => Buffer.from(text, 'latin1');

/**
 * The body of a multipart message. The boundary must not occur in a part; a random one will not.
 */
export function toMultipart(parts: readonly SentPart[], boundary: string): Uint8Array {
  const pieces: Uint8Array[] = [];
  for (const [i, { headers, body }] of parts.entries()) {
    const lines = Object.entries(headers).map(([name, value]) => `${name}: ${value}\r\n`);
    pieces.push(latin1(`${i === 0 ? '' : '\r\n'}--${boundary}\r\n${lines.join('')}\r\n`), body);
  }
  pieces.push(latin1(`\r\n--${boundary}--\r\n`));
  return Buffer.concat(pieces);
}
