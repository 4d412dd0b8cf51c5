/** The text form that ZeroMQ wants of its keys (RFC 32). */

const DIGITS =
  '0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ.-:+=^!/*?&<>()[]{}@%$#';
const BASE = DIGITS.length;

/** The text of bytes. Their number must be a multiple of four. */
export function toZ85(bytes: Uint8Array): string {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  let text = '';
  for (let at = 0; at < bytes.length; at += 4) {
    const word = view.getUint32(at);
    for (let power = BASE ** 4; power >= 1; power /= BASE)
      text += DIGITS[Math.floor(word / power) % BASE];
  }
  return text;
}
