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
 * A boundary that begins with `start` and occurs in no part. It is the same for the same parts. A
 * writer can know it in advance, so it is not enough that it is unlikely.
 */
export function boundaryOf(parts: readonly SentPart[], start: string): string {
  let boundary = start;
  const isIn = ({ body }: SentPart): boolean =>
    Buffer.from(body.buffer, body.byteOffset, body.length).includes(`--${boundary}`);
  while (parts.some(isIn)) boundary += '0';
  return boundary;
}

/** The body of a multipart message. The boundary must not occur in a part. */
export function toMultipart(parts: readonly SentPart[], boundary: string): Uint8Array {
  const pieces: Uint8Array[] = [];
  for (const [i, { headers, body }] of parts.entries()) {
    const lines = Object.entries(headers).map(([name, value]) => `${name}: ${value}\r\n`);
    pieces.push(latin1(`${i === 0 ? '' : '\r\n'}--${boundary}\r\n${lines.join('')}\r\n`), body);
  }
  pieces.push(latin1(`\r\n--${boundary}--\r\n`));
  return Buffer.concat(pieces);
}
