/** Takes `multipart/mixed` bodies (RFC 2046) apart, byte for byte. */

/** One part: its headers, names in lower case, and its bytes. */
export interface ReceivedPart {
  readonly headers: ReadonlyMap<string, string>;
  readonly body: Uint8Array;
}

const CR = 13;
const encoder = new TextEncoder();

/**
 * One character a byte, as header values are everywhere else (and as the label "latin1" of a
 * `TextDecoder` is not: that is windows-1252).
 */
function latin1(bytes: Uint8Array): string {
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

/** The parts of a body, or undefined where it is not well formed. */
export function parseMultipart(contentType: string, bytes: Uint8Array): ReceivedPart[] | undefined {
  const boundary = /;\s*boundary="?([^";]+)"?/i.exec(contentType)?.[1];
  if (boundary === undefined) return undefined;
  const delimiter = encoder.encode(`\r\n--${boundary}`);
  const headEnd = encoder.encode('\r\n\r\n');
  // The first delimiter stands at the very start, without a line end before it.
  if (indexOf(bytes, delimiter.subarray(2), 0) !== 0) return undefined;
  const parts: ReceivedPart[] = [];
  let at = delimiter.length - 2;
  while (bytes[at] === CR) {
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
  // A body that was cut off has no "--" behind its last delimiter.
  return latin1(bytes.subarray(at, at + 2)) === '--' ? parts : undefined;
}
