/**
 * MessagePack written value by value. The constants are the first bytes of its formats:
 * https://github.com/msgpack/msgpack/blob/master/spec.md. A general encoder is slow at 64-bit
 * integers, and at small maps whose keys differ each time. All writers share one buffer, so only
 * one may be in use at a time.
 */

const START_BYTES = 1024;
const MAX_INTEGER_BYTES = 9;

let buffer = Buffer.allocUnsafe(START_BYTES);

/** Writes one value. Do not use the writer again after `toBase64`. */
export class MsgpackWriter {
  #at = 0;

  /** Makes room for `bytes` more. Returns their offset. */
  #reserve(bytes: number): number {
    const at = this.#at;
    this.#at += bytes;
    if (this.#at > buffer.length) buffer = Buffer.concat([buffer], 2 * this.#at);
    return at;
  }

  /** The head of a map with `size` entries. The caller writes each key and its value next. */
  map(size: number): void {
    this.#head(size, 0x80, 0xde);
  }

  /** The head of an array with `length` items. The caller writes them next. */
  array(length: number): void {
    this.#head(length, 0x90, 0xdc);
  }

  /** `short` has the count in its low bits, `long` in the next 2 bytes, and `long + 1` in 4. */
  #head(count: number, short: number, long: number): void {
    const at = this.#reserve(5);
    let end = at + 1;
    if (count < 16) buffer[at] = short | count;
    else if (count <= 0xffff) {
      buffer[at] = long;
      end = buffer.writeUInt16BE(count, at + 1);
    } else {
      buffer[at] = long + 1;
      end = buffer.writeUInt32BE(count, at + 1);
    }
    this.#at = end;
  }

  /** A string, as UTF-8. */
  text(text: string): void {
    // Enough for the head, and for three bytes of UTF-8 for each UTF-16 unit.
    const at = this.#reserve(5 + 3 * text.length);
    const length = isAscii(text) ? text.length : Buffer.byteLength(text);
    let from = at + 1;
    if (length < 32) buffer[at] = 0xa0 | length;
    else if (length <= 0xff) {
      buffer[at] = 0xd9;
      buffer[at + 1] = length;
      from = at + 2;
    } else if (length <= 0xffff) {
      buffer[at] = 0xda;
      from = buffer.writeUInt16BE(length, at + 1);
    } else {
      buffer[at] = 0xdb;
      from = buffer.writeUInt32BE(length, at + 1);
    }
    if (length === text.length)
      for (let i = 0; i < length; i++) buffer[from + i] = text.charCodeAt(i);
    else buffer.write(text, from);
    this.#at = from + length;
  }

  /** A whole number from 0 to 2⁵³ − 1. */
  integer(n: number): void {
    const at = this.#reserve(MAX_INTEGER_BYTES);
    let end = at + 1;
    if (n < 0x80) buffer[at] = n;
    else if (n <= 0xff) {
      buffer[at] = 0xcc;
      end = buffer.writeUInt8(n, at + 1);
    } else if (n <= 0xffff) {
      buffer[at] = 0xcd;
      end = buffer.writeUInt16BE(n, at + 1);
    } else if (n <= 0xffff_ffff) {
      buffer[at] = 0xce;
      end = buffer.writeUInt32BE(n, at + 1);
    } else {
      this.#at = at;
      return this.product(n, 1);
    }
    this.#at = end;
  }

  /** The product of a whole number up to 2⁵³ − 1 and a small factor, as a 64-bit integer. */
  product(n: number, factor: number): void {
    const at = this.#reserve(MAX_INTEGER_BYTES);
    const low = (n % 0x1_0000_0000) * factor;
    const high = Math.floor(n / 0x1_0000_0000) * factor + Math.floor(low / 0x1_0000_0000);
    buffer[at] = 0xcf;
    buffer.writeUInt32BE(high >>> 0, at + 1);
    buffer.writeUInt32BE(low % 0x1_0000_0000, at + 5);
  }

  /** Up to 255 bytes, which the caller fills next. */
  bytes(length: number): void {
    const at = this.#reserve(2 + length);
    buffer[at] = 0xc4;
    buffer[at + 1] = length;
    buffer.fill(0, at + 2, at + 2 + length);
  }

  /** A view on all that was written, which the caller may change before the next value. */
  written(): Uint8Array {
    return buffer.subarray(0, this.#at);
  }

  /** All that was written. */
  toBase64(): string {
    return buffer.toString('base64', 0, this.#at);
  }
}

function isAscii(text: string): boolean {
  for (let i = 0; i < text.length; i++) if (text.charCodeAt(i) > 0x7f) return false;
  return true;
}
