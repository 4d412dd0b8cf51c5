/**
 * Texts from UTF-8. Short ones are mostly names of actors and types, which come again and again, so
 * the same text is returned for the same bytes.
 */

/** Texts that were read before, by a hash of their bytes. */
const texts: string[] = Array.from({ length: 1024 }, () => '');
const MAX_KEPT_CHARS = 32;

/** Decodes UTF-8 from one offset to another. Invalid bytes become U+FFFD. */
export function textOf(bytes: Uint8Array, from: number, end: number): string {
  if (end - from > MAX_KEPT_CHARS) return decodeText(bytes, from, end);
  let hash = end - from;
  for (let i = from; i < end; i++) {
    const byte = bytes[i] as number;
    if (byte > 0x7f) return decodeText(bytes, from, end);
    hash = (hash * 31 + byte) | 0;
  }
  const slot = hash & (texts.length - 1);
  const kept = texts[slot] as string;
  if (isTextOf(kept, bytes, { from, end })) return kept;
  return (texts[slot] = decodeText(bytes, from, end));
}

function isTextOf(
  text: string,
  bytes: Uint8Array,
  { from, end }: { from: number; end: number },
): boolean {
  if (text.length !== end - from) return false;
  for (let i = from; i < end; i++) if (text.charCodeAt(i - from) !== bytes[i]) return false;
  return true;
}

function decodeText(bytes: Uint8Array, from: number, end: number): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset + from, end - from).toString();
}
