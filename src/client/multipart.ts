/** A parser for `multipart/mixed` bodies (RFC 2046), exact to the byte. */

/** One part: its headers, with names in lower case, and its bytes. */
export interface ReceivedPart {
  readonly headers: ReadonlyMap<string, string>;
  readonly body: Uint8Array;
}

const CR = 13;
const encoder = new TextEncoder();

/**
 * One character for each byte, as in other header values. A `TextDecoder` labelled "latin1" would
 * decode windows-1252 instead.
 */
export function latin1(bytes: Uint8Array): string {
  let text = '';
  for (const byte of bytes) text += String.fromCharCode(byte);
  return text;
}

function indexOf(bytes: Uint8Array, sought: Uint8Array, from: number): number {
  const first = sought[0] as number;
  for (let at = bytes.indexOf(first, from); at >= 0; at = bytes.indexOf(first, at + 1)) {
    let i = 1;
    while (i < sought.length && bytes[at + i] === sought[i]) i += 1;
    if (i === sought.length) return at;
  }
  return -1;
}

/** The parts of a body. Returns undefined if it is malformed, or has more than `most` parts. */
export function parseMultipart(
  contentType: string,
  bytes: Uint8Array,
  most: number,
): ReceivedPart[] | undefined {
  const boundary = /;\s*boundary="?([^";]+)"?/i.exec(contentType)?.[1];
  if (boundary === undefined) return undefined;
  const delimiter = encoder.encode(`\r\n--${boundary}`);
  const headEnd = encoder.encode('\r\n\r\n');
  // The first delimiter is at the very start, without a line end before it.
  if (indexOf(bytes, delimiter.subarray(2), 0) !== 0) return undefined;
  const parts: ReceivedPart[] = [];
  let at = delimiter.length - 2;
  while (bytes[at] === CR) {
    if (parts.length === most) return undefined;
    const bodyFrom = indexOf(bytes, headEnd, at);
    const end = indexOf(bytes, delimiter, bodyFrom + 2);
    if (bodyFrom < 0 || end < bodyFrom) return undefined;
    const headers = new Map<string, string>();
    for (const line of latin1(bytes.subarray(at + 2, bodyFrom)).split('\r\n')) {
      const colon = line.indexOf(':');
      if (colon > 0) headers.set(line.slice(0, colon).toLowerCase(), line.slice(colon + 1).trim());
    }
    parts.push({ headers, body: bytes.slice(bodyFrom + headEnd.length, end) });
    at = end + delimiter.length;
  }
  // A body that was cut off has no "--" after its last delimiter.
  return latin1(bytes.subarray(at, at + 2)) === '--' ? parts : undefined;
}
