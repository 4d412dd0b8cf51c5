/** A parser for `multipart/mixed` bodies (RFC 2046), exact to the byte. */

/** One part: its headers, with names in lower case, and its bytes. */
export interface ReceivedPart {
  readonly headers: ReadonlyMap<string, string>;
  readonly body: Uint8Array;
}

const HEAD_END = '\r\n\r\n';

/**
 * One character for each byte, as in other header values. A `TextDecoder` labelled "latin1" would
 * decode windows-1252 instead.
 */
export function latin1(bytes: Uint8Array): string {
  let text = '';
  for (const byte of bytes) text += String.fromCharCode(byte);
  return text;
}

/** The parts of a body. Returns undefined if it is malformed, or has more than `most` parts. */
export function parseMultipart(
  contentType: string,
  bytes: Uint8Array,
  most: number,
): ReceivedPart[] | undefined {
  const boundary = /;\s*boundary="?([^";]+)"?/i.exec(contentType)?.[1];
  if (boundary === undefined) return undefined;
  // One unit for each byte, so places in the text are places in the bytes.
  const text = new TextDecoder('latin1').decode(bytes);
  const delimiter = `\r\n--${boundary}`;
  // The first delimiter is at the very start, without a line end before it.
  if (!text.startsWith(delimiter.slice(2))) return undefined;
  const parts: ReceivedPart[] = [];
  let at = delimiter.length - 2;
  while (text[at] === '\r') {
    if (parts.length === most) return undefined;
    const bodyFrom = text.indexOf(HEAD_END, at);
    const end = text.indexOf(delimiter, bodyFrom + 2);
    if (bodyFrom < 0 || end < bodyFrom) return undefined;
    const headers = new Map<string, string>();
    for (const line of latin1(bytes.subarray(at + 2, bodyFrom)).split('\r\n')) {
      const colon = line.indexOf(':');
      if (colon > 0) headers.set(line.slice(0, colon).toLowerCase(), line.slice(colon + 1).trim());
    }
    parts.push({ headers, body: bytes.slice(bodyFrom + HEAD_END.length, end) });
    at = end + delimiter.length;
  }
  // A body that was cut off has no "--" after its last delimiter.
  return text.startsWith('--', at) ? parts : undefined;
}
